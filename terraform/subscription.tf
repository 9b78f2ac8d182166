resource "google_pubsub_subscription" "worker" {
  project = var.project_id
  name    = var.subscription
  topic   = google_pubsub_topic.events.id

  # Long enough for a database to come back after a backup is restored. 31 days
  # are Pub/Sub's maximum; by default messages are gone after 7.
  message_retention_duration = "2678400s"
  retain_acked_messages      = var.retain_acked_messages

  # The worker extends it while it holds a message. After a crash it is how long
  # messages wait for another worker.
  ack_deadline_seconds = 60

  # Google's ordering key is the Workspace Events subscription: ordering would
  # put everything behind one message. Order and exactly-once are made in
  # Postgres.
  enable_message_ordering      = false
  enable_exactly_once_delivery = false

  # No filter: it can't be changed later, and Pub/Sub acks what doesn't match.
  # The worker keeps event types that it doesn't know.

  # Never expires. By default Pub/Sub deletes a subscription that nobody has
  # pulled for 31 days, with all that it holds.
  expiration_policy {
    ttl = ""
  }

  # Without one Pub/Sub redelivers at once, and as fast as it can.
  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  # The last resort. The worker never nacks, and puts what it can't read into
  # its quarantine table; an attempt is spent only when a worker ends without
  # having committed. 100 are Pub/Sub's maximum.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letter.id
    max_delivery_attempts = 100
  }

  # What goes to a topic without a subscription is lost.
  depends_on = [google_pubsub_subscription.dead_letter]
}
