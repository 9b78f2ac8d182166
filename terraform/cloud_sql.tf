# On request: Postgres in Cloud SQL. Without it, the secrets of cloud_run.tf name a database that
# is there already.
locals {
  cloud_sql      = var.database == null ? 0 : 1
  cloud_sql_apis = var.database != null ? ["sqladmin.googleapis.com"] : []

  # As docs/capacity.md has them. Cloud SQL takes seconds and megabytes.
  database_flags = {
    checkpoint_timeout = "1800"
    max_wal_size       = "8192"
    wal_compression    = "on"
    # Readers log in as whom they are in Google Cloud, without a password.
    "cloudsql.iam_authentication" = "on"
  }

  # Whoever reads the schema analytics, with the kind of user that Cloud SQL knows.
  # The user of a service account lacks the end of its address.
  database_readers = var.database == null ? {} : {
    for member in setunion([local.reader], var.database.readers) : member => {
      name = trimsuffix(split(":", member)[1], ".gserviceaccount.com")
      type = { user = "CLOUD_IAM_USER", group = "CLOUD_IAM_GROUP", serviceAccount = "CLOUD_IAM_SERVICE_ACCOUNT" }[split(":", member)[0]]
    }
  }
  reader = "serviceAccount:${var.reader_account_id}@${var.project_id}.iam.gserviceaccount.com"
}

resource "google_sql_database_instance" "postgres" {
  count = local.cloud_sql

  project          = var.project_id
  region           = var.database.region
  name             = var.database.instance
  database_version = var.database.version

  settings {
    edition           = "ENTERPRISE"
    tier              = var.database.tier
    availability_type = var.database.high_availability ? "REGIONAL" : "ZONAL"
    disk_type         = "PD_SSD"
    disk_size         = var.database.disk_gb
    disk_autoresize   = true
    # Neither the console nor gcloud delete it.
    deletion_protection_enabled = true

    # No address on the internet. The network has private services access:
    # examples/complete shows it.
    ip_configuration {
      ipv4_enabled    = false
      private_network = var.database.network
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    # Google keeps events for 28 days: what a restored backup lacks is fetched again.
    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = var.database.backups
      }
    }

    dynamic "database_flags" {
      for_each = local.database_flags

      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  # terraform destroy stops here.
  deletion_protection = true

  depends_on = [google_project_service.required]
}

# Its tables come with the migration job.
resource "google_sql_database" "spacekeeper" {
  count = local.cloud_sql

  project  = var.project_id
  instance = google_sql_database_instance.postgres[0].name
  name     = "spacekeeper"
  charset  = "UTF8"
}

# Who works in the database has a password, which would be in the state: the README
# says how those users are made.
resource "google_sql_user" "readers" {
  for_each = local.database_readers

  project  = var.project_id
  instance = google_sql_database_instance.postgres[0].name
  name     = each.value.name
  type     = each.value.type

  depends_on = [google_service_account.reader]
}

# For dashboards, which read through Google's proxy.
resource "google_service_account" "reader" {
  count = local.cloud_sql

  project      = var.project_id
  account_id   = var.reader_account_id
  display_name = "Spacekeeper reader"
  description  = "Reads the schema analytics in Postgres."

  depends_on = [google_project_service.required]
}

# Cloud SQL has no policies of single instances: the condition names this one.
resource "google_project_iam_member" "database_login" {
  for_each = local.database_readers

  project = var.project_id
  role    = "roles/cloudsql.instanceUser"
  member  = each.key

  condition {
    title      = "spacekeeper"
    expression = "resource.service == \"sqladmin.googleapis.com\" && resource.name == \"projects/${var.project_id}/instances/${var.database.instance}\""
  }

  depends_on = [google_service_account.reader]
}

resource "google_project_iam_member" "database_connect" {
  for_each = local.database_readers

  project = var.project_id
  role    = "roles/cloudsql.client"
  member  = each.key

  condition {
    title      = "spacekeeper"
    expression = "resource.service == \"sqladmin.googleapis.com\" && resource.name == \"projects/${var.project_id}/instances/${var.database.instance}\""
  }

  depends_on = [google_service_account.reader]
}
