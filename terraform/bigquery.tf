# On request: Pub/Sub writes every message of the topic into a table as well, and views
# tell of it what the schema analytics tells in Postgres. The worker isn't in between.
locals {
  bigquery      = var.bigquery == null ? 0 : 1
  bigquery_apis = var.bigquery != null ? ["bigquery.googleapis.com"] : []
  # Each reads those that are named in it.
  bigquery_facts = ["fct_messages", "fct_reactions", "fct_membership_changes"]
}

resource "google_bigquery_dataset" "events" {
  count = local.bigquery

  project     = var.project_id
  dataset_id  = var.bigquery.dataset
  location    = var.bigquery.location
  description = "Events of Google Chat, as Pub/Sub received them, and views of them."

  depends_on = [google_project_service.required]
}

# Columns as Pub/Sub writes them with write_metadata and without a schema. The payload
# is text: what is no JSON is kept as well, and the views leave it out.
resource "google_bigquery_table" "events" {
  count = local.bigquery

  project     = var.project_id
  dataset_id  = google_bigquery_dataset.events[0].dataset_id
  table_id    = "chat_events"
  description = "Every message of the topic ${var.topic}, message text included. One may be here twice."

  schema = jsonencode([
    { name = "subscription_name", type = "STRING", mode = "NULLABLE", description = "The Pub/Sub subscription that wrote it." },
    { name = "message_id", type = "STRING", mode = "NULLABLE", description = "Pub/Sub's id of the message." },
    { name = "publish_time", type = "TIMESTAMP", mode = "NULLABLE", description = "When Google published it." },
    { name = "data", type = "STRING", mode = "NULLABLE", description = "The event's payload, JSON." },
    { name = "attributes", type = "JSON", mode = "NULLABLE", description = "ce-id, ce-type, ce-time, ce-subject and so on." },
  ])

  # No clustering: BigQuery clusters by whole columns, and the space is inside
  # attributes. The README says how to make a table that is clustered by space.
  time_partitioning {
    type          = "DAY"
    field         = "publish_time"
    expiration_ms = var.bigquery.keep_days == null ? null : var.bigquery.keep_days * 86400000
  }

  # terraform destroy stops here, and before the dataset.
  deletion_protection = true
}

# On the table alone: Pub/Sub can't read or change anything else in BigQuery.
resource "google_bigquery_table_iam_member" "writer" {
  count = local.bigquery

  project    = var.project_id
  dataset_id = google_bigquery_dataset.events[0].dataset_id
  table_id   = google_bigquery_table.events[0].table_id
  role       = "roles/bigquery.dataEditor"
  member     = local.pubsub
}

resource "google_pubsub_subscription" "bigquery" {
  count = local.bigquery

  project = var.project_id
  name    = "${var.topic}-bigquery"
  topic   = google_pubsub_topic.events.id

  message_retention_duration = "2678400s"

  bigquery_config {
    table          = "${var.project_id}.${google_bigquery_dataset.events[0].dataset_id}.${google_bigquery_table.events[0].table_id}"
    write_metadata = true
  }

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  # What BigQuery refuses 100 times: the worker has it all the same.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letter.id
    max_delivery_attempts = 100
  }

  # Without the role Pub/Sub refuses to make the subscription.
  depends_on = [google_bigquery_table_iam_member.writer, google_pubsub_subscription.dead_letter]
}

resource "google_pubsub_subscription_iam_member" "bigquery_forwarder" {
  count = local.bigquery

  project      = var.project_id
  subscription = google_pubsub_subscription.bigquery[0].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub
}

resource "google_bigquery_table" "told" {
  count = local.bigquery

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.events[0].dataset_id
  table_id            = "events"
  description         = "One row for each thing that a message of chat_events tells of."
  deletion_protection = false

  view {
    use_legacy_sql = false
    query = templatefile("${path.module}/bigquery/events.sql", {
      table = "${var.project_id}.${var.bigquery.dataset}.${google_bigquery_table.events[0].table_id}"
    })
  }
}

resource "google_bigquery_table" "spaces" {
  count = local.bigquery

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.events[0].dataset_id
  table_id            = "dim_spaces"
  description         = "As analytics.dim_spaces in Postgres."
  deletion_protection = false

  view {
    use_legacy_sql = false
    query = templatefile("${path.module}/bigquery/dim_spaces.sql", {
      events = "${var.project_id}.${var.bigquery.dataset}.${google_bigquery_table.told[0].table_id}"
    })
  }
}

resource "google_bigquery_table" "facts" {
  for_each = toset(var.bigquery == null ? [] : local.bigquery_facts)

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.events[0].dataset_id
  table_id            = each.value
  description         = "As analytics.${each.value} in Postgres."
  deletion_protection = false

  view {
    use_legacy_sql = false
    query = templatefile("${path.module}/bigquery/${each.value}.sql", {
      events     = "${var.project_id}.${var.bigquery.dataset}.${google_bigquery_table.told[0].table_id}"
      dim_spaces = "${var.project_id}.${var.bigquery.dataset}.${google_bigquery_table.spaces[0].table_id}"
      zone       = var.bigquery.zone
    })
  }
}

resource "google_bigquery_table" "memberships" {
  count = local.bigquery

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.events[0].dataset_id
  table_id            = "fct_memberships"
  description         = "As analytics.fct_memberships in Postgres."
  deletion_protection = false

  view {
    use_legacy_sql = false
    query = templatefile("${path.module}/bigquery/fct_memberships.sql", {
      fct_membership_changes = "${var.project_id}.${var.bigquery.dataset}.${google_bigquery_table.facts["fct_membership_changes"].table_id}"
      dim_spaces             = "${var.project_id}.${var.bigquery.dataset}.${google_bigquery_table.spaces[0].table_id}"
    })
  }
}
