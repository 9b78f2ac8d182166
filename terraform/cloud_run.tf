# On request: the worker in a worker pool of Cloud Run, which has no address and needs
# none, and a job that migrates. Both read secrets that are there already, by name:
# what is in them is never in the state.
locals {
  run      = var.run == null ? 0 : 1
  run_apis = var.run != null ? ["run.googleapis.com", "secretmanager.googleapis.com"] : []

  # Where each is mounted. A mount hides what else its folder holds, so that each has
  # its own.
  worker_files = var.run == null ? {} : merge(
    {
      config = { secret = var.run.config_secret, path = "/etc/spacekeeper", file = "spacekeeper.yaml" }
      dsn    = { secret = var.run.worker_dsn_secret, path = "/run/secrets/database", file = "dsn" }
    },
    var.run.reactors_secret == null ? {} : {
      reactors = { secret = var.run.reactors_secret, path = "/etc/spacekeeper-rules", file = "reactors.yaml" }
    },
  )
  worker_settings = var.run == null ? {} : merge(
    {
      SPACEKEEPER_PROJECT                  = var.project_id
      SPACEKEEPER_PUBSUB_TOPIC             = google_pubsub_topic.events.name
      SPACEKEEPER_PUBSUB_SUBSCRIPTION      = google_pubsub_subscription.worker.name
      SPACEKEEPER_PUBSUB_DEAD_LETTER_TOPIC = google_pubsub_topic.dead_letter.name
      SPACEKEEPER_DATABASE_DSN_FILE        = "/run/secrets/database/dsn"
      # For the probes alone: nothing else reaches a worker pool.
      SPACEKEEPER_HEALTH_ADDR = "0.0.0.0:8080"
      # Cloud Run ends what is still there 10 seconds after SIGTERM.
      SPACEKEEPER_SHUTDOWN_GRACE = "8s"
    },
    var.run.reactors_secret == null ? {} : { SPACEKEEPER_REACTORS_FILE = "/etc/spacekeeper-rules/reactors.yaml" },
  )
}

resource "google_cloud_run_v2_worker_pool" "worker" {
  count = local.run

  project  = var.project_id
  location = var.run.region
  name     = "spacekeeper"

  # Nothing is lost with it.
  deletion_protection = false

  scaling {
    scaling_mode          = "MANUAL"
    manual_instance_count = var.run.instances
  }

  template {
    service_account = google_service_account.worker.email

    containers {
      image = var.run.image
      args  = ["run", "--config", "/etc/spacekeeper/spacekeeper.yaml"]

      resources {
        limits = {
          cpu    = var.run.cpu
          memory = var.run.memory
        }
      }

      dynamic "env" {
        for_each = local.worker_settings

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "volume_mounts" {
        for_each = local.worker_files

        content {
          name       = volume_mounts.key
          mount_path = volume_mounts.value.path
        }
      }

      # Replaced only where a new process could do better, not while the database is away.
      liveness_probe {
        period_seconds    = 30
        failure_threshold = 3

        http_get {
          path = "/-/healthy"
          port = 8080
        }
      }
    }

    dynamic "volumes" {
      for_each = local.worker_files

      content {
        name = volumes.key

        secret {
          secret = volumes.value.secret

          items {
            path    = volumes.value.file
            version = "latest"
          }
        }
      }
    }

    dynamic "vpc_access" {
      for_each = var.run.network == null ? [] : [var.run]

      content {
        egress = "PRIVATE_RANGES_ONLY"

        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnetwork
        }
      }
    }
  }

  # Without the role its first revision doesn't start.
  depends_on = [google_secret_manager_secret_iam_member.worker, google_pubsub_subscription_iam_member.worker]
}

# Another account than the worker's: it owns the tables.
resource "google_service_account" "migrate" {
  count = local.run

  project      = var.project_id
  account_id   = var.migrate_account_id
  display_name = "Spacekeeper migrate"
  description  = "Brings the database's schema up to date."

  depends_on = [google_project_service.required]
}

# Run it before a new version of the worker:
# gcloud run jobs execute spacekeeper-migrate --region=REGION --wait
resource "google_cloud_run_v2_job" "migrate" {
  count = local.run

  project  = var.project_id
  location = var.run.region
  name     = "spacekeeper-migrate"

  deletion_protection = false

  template {
    template {
      service_account = google_service_account.migrate[0].email
      max_retries     = 0
      timeout         = "3600s"

      containers {
        image = var.run.image
        args  = ["migrate", "up"]

        env {
          name  = "SPACEKEEPER_DATABASE_DSN_FILE"
          value = "/run/secrets/database/dsn"
        }

        volume_mounts {
          name       = "dsn"
          mount_path = "/run/secrets/database"
        }
      }

      volumes {
        name = "dsn"

        secret {
          secret = var.run.migrate_dsn_secret

          items {
            path    = "dsn"
            version = "latest"
          }
        }
      }

      dynamic "vpc_access" {
        for_each = var.run.network == null ? [] : [var.run]

        content {
          egress = "PRIVATE_RANGES_ONLY"

          network_interfaces {
            network    = vpc_access.value.network
            subnetwork = vpc_access.value.subnetwork
          }
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.migrate]
}

resource "google_secret_manager_secret_iam_member" "worker" {
  for_each = local.worker_files

  project   = var.project_id
  secret_id = each.value.secret
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.worker.member
}

resource "google_secret_manager_secret_iam_member" "migrate" {
  count = local.run

  project   = var.project_id
  secret_id = var.run.migrate_dsn_secret
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.migrate[0].member
}
