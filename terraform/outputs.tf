output "topic" {
  description = "The topic's full name, for the Chat app's configuration and pubsub.topic."
  value       = google_pubsub_topic.events.id

  # Workspace Events subscriptions to it come next: Google must be allowed to
  # publish by then, or suspends them.
  depends_on = [google_pubsub_topic_iam_binding.publishers]
}

output "subscription" {
  description = "The full name of the Pub/Sub subscription that the worker pulls, for pubsub.subscription."
  value       = google_pubsub_subscription.worker.id

  depends_on = [google_pubsub_subscription_iam_member.worker]
}

output "dead_letter_subscription" {
  description = "The full name of the dead-letter topic's subscription. Alert when it holds anything."
  value       = google_pubsub_subscription.dead_letter.id
}

output "worker_service_account" {
  description = "The e-mail address of the account that `subscriber run` works as."
  value       = google_service_account.worker.email
}

output "setup_service_account" {
  description = "The e-mail address of the account that `subscribe-setup` works as."
  value       = google_service_account.setup.email
}

output "oauth_client_ids" {
  description = "The accounts' numeric ids, by which an administrator finds their OAuth clients."
  value = {
    worker = google_service_account.worker.unique_id
    setup  = google_service_account.setup.unique_id
  }
}

output "migrate_service_account" {
  description = "The e-mail address of the account that the migration job works as; null without one."
  value       = one(google_service_account.migrate[*].email)
}

output "reader_service_account" {
  description = "The e-mail address of the account that dashboards read as; null without one."
  value       = one(google_service_account.reader[*].email)
}

output "database_connection_name" {
  description = "The instance in Cloud SQL as PROJECT:REGION:INSTANCE, for Google's proxy; null without one."
  value       = one(google_sql_database_instance.postgres[*].connection_name)
}

output "database_address" {
  description = "The private address of the instance in Cloud SQL, for connection strings; null without one."
  value       = one(google_sql_database_instance.postgres[*].private_ip_address)
}

output "bigquery_dataset" {
  description = "The dataset with the events and their views, as PROJECT.DATASET; null without one."
  value       = var.bigquery == null ? null : "${var.project_id}.${var.bigquery.dataset}"
}

output "spacekeeper_yaml" {
  description = "The part of spacekeeper.yaml that these resources decide. Add the database and the spaces."
  value       = <<-EOT
    project: ${var.project_id}
    pubsub:
      topic: ${google_pubsub_topic.events.name}
      subscription: ${google_pubsub_subscription.worker.name}
      dead_letter_topic: ${google_pubsub_topic.dead_letter.name}
  EOT
}
