locals {
  # Publishes the events of Google Chat, for every project.
  chat = "serviceAccount:chat-api-push@system.gserviceaccount.com"
  # Publishes interactions with a Chat app that is built as an add-on.
  add_ons = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-gsuiteaddons.iam.gserviceaccount.com"
  # Pub/Sub itself, which moves messages to the dead-letter topic.
  pubsub = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# A binding and not a member: whatever else was allowed to publish here is
# removed, because the worker believes what is in the topic. Who may publish to
# every topic of the project still may.
resource "google_pubsub_topic_iam_binding" "publishers" {
  project = var.project_id
  topic   = google_pubsub_topic.events.name
  role    = "roles/pubsub.publisher"
  members = concat([local.chat], var.chat_app_is_add_on ? [local.add_ons] : [])
}

resource "google_pubsub_topic_iam_member" "dead_letter_publisher" {
  project = var.project_id
  topic   = google_pubsub_topic.dead_letter.name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub
}

# Moving a message is publishing it there and acking it here.
resource "google_pubsub_subscription_iam_member" "dead_letter_forwarder" {
  project      = var.project_id
  subscription = google_pubsub_subscription.worker.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub
}

# The two roles are all that the worker's account holds in Google Cloud. What
# both accounts may do in Google Chat is what the administrator approved.
resource "google_pubsub_subscription_iam_member" "worker" {
  project      = var.project_id
  subscription = google_pubsub_subscription.worker.name
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.worker.member
}

# When the worker starts it looks at the subscription's settings, and warns of
# those that aren't as subscription.tf has them.
resource "google_pubsub_subscription_iam_member" "worker_viewer" {
  project      = var.project_id
  subscription = google_pubsub_subscription.worker.name
  role         = "roles/pubsub.viewer"
  member       = google_service_account.worker.member
}
