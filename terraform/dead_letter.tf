# Alert when this subscription holds anything: pubsub.googleapis.com/subscription/num_undelivered_messages.
resource "google_pubsub_topic" "dead_letter" {
  project = var.project_id
  name    = var.dead_letter

  depends_on = [google_project_service.required]
}

# Nobody pulls it until a person has to look: it must neither expire nor forget
# sooner than it has to.
resource "google_pubsub_subscription" "dead_letter" {
  project = var.project_id
  name    = var.dead_letter
  topic   = google_pubsub_topic.dead_letter.id

  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }
}
