resource "google_pubsub_topic" "events" {
  project = var.project_id
  name    = var.topic

  # No storage policy by default: Google publishes with an ordering key, and
  # Pub/Sub refuses a message with one if the policy excludes the region that
  # is nearest to the publisher. Google then suspends the Workspace Events
  # subscription, and not with an error that names the region. An organization
  # with a policy on resource locations imposes one on every topic.
  dynamic "message_storage_policy" {
    for_each = length(var.storage_regions) > 0 ? [var.storage_regions] : []

    content {
      allowed_persistence_regions = message_storage_policy.value
    }
  }

  depends_on = [google_project_service.required]
}
