# On request: what Pub/Sub itself measures, and says even where no worker does.
locals {
  alerts      = var.alerts == null ? 0 : 1
  alerts_apis = var.alerts != null ? ["monitoring.googleapis.com"] : []
}

resource "google_monitoring_alert_policy" "backlog" {
  count = local.alerts

  project               = var.project_id
  display_name          = "Spacekeeper: events wait in Pub/Sub"
  combiner              = "OR"
  notification_channels = var.alerts.notification_channels

  conditions {
    display_name = "The oldest event that nobody has recorded is older than ${var.alerts.backlog_seconds} seconds"

    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.worker.name}\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.alerts.backlog_seconds
      duration        = "300s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "No worker records the events of `${google_pubsub_subscription.worker.name}`, or none gets on. Nothing is lost for 31 days. Look at `subscriber healthcheck` or `/-/ready`: it says what the worker waits for, mostly the database."
  }

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "dead_letters" {
  count = local.alerts

  project               = var.project_id
  display_name          = "Spacekeeper: dead letters"
  combiner              = "OR"
  notification_channels = var.alerts.notification_channels

  conditions {
    display_name = "The dead-letter subscription holds something"

    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.dead_letter.name}\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Messages were delivered 100 times and never recorded: workers ended each time, or were stopped. They are kept for 31 days. Look at the workers' logs, then `gcloud pubsub subscriptions pull ${google_pubsub_subscription.dead_letter.name}`, without `--auto-ack`."
  }

  depends_on = [google_project_service.required]
}
