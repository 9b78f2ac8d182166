# `terraform test` runs these against a provider that only pretends: they need
# no account, and change nothing.

mock_provider "google" {
  mock_data "google_project" {
    defaults = {
      number = "123456789012"
    }
  }
}

override_resource {
  target = google_service_account.worker
  values = {
    name   = "projects/my-project/serviceAccounts/spacekeeper@my-project.iam.gserviceaccount.com"
    email  = "spacekeeper@my-project.iam.gserviceaccount.com"
    member = "serviceAccount:spacekeeper@my-project.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.setup
  values = {
    name   = "projects/my-project/serviceAccounts/spacekeeper-setup@my-project.iam.gserviceaccount.com"
    email  = "spacekeeper-setup@my-project.iam.gserviceaccount.com"
    member = "serviceAccount:spacekeeper-setup@my-project.iam.gserviceaccount.com"
  }
}

variables {
  project_id = "my-project"
}

run "messages_are_kept" {
  assert {
    condition     = google_pubsub_subscription.worker.expiration_policy[0].ttl == "" && google_pubsub_subscription.dead_letter.expiration_policy[0].ttl == ""
    error_message = "Both subscriptions must never expire."
  }
  assert {
    condition     = google_pubsub_subscription.worker.message_retention_duration == "2678400s" && google_pubsub_subscription.dead_letter.message_retention_duration == "2678400s"
    error_message = "Both subscriptions must keep messages for 31 days."
  }
  assert {
    condition     = google_pubsub_subscription.worker.dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "The dead-letter topic is the last resort."
  }
}

run "least_roles" {
  assert {
    condition     = toset(google_pubsub_topic_iam_binding.publishers.members) == toset(["serviceAccount:chat-api-push@system.gserviceaccount.com"])
    error_message = "Google Chat publishes, and nobody else."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.dead_letter_publisher.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub's service agent must be able to move messages."
  }
  assert {
    condition     = google_pubsub_subscription_iam_member.worker.member == "serviceAccount:spacekeeper@my-project.iam.gserviceaccount.com"
    error_message = "The worker must be able to pull."
  }
  assert {
    condition     = google_pubsub_subscription_iam_member.worker_viewer.role == "roles/pubsub.viewer"
    error_message = "The worker must be able to see its subscription's settings."
  }
  assert {
    condition     = google_project_iam_member.setup.member == "serviceAccount:spacekeeper-setup@my-project.iam.gserviceaccount.com" && alltrue([for p in google_project_iam_custom_role.setup.permissions : can(regex("\\.(get|getIamPolicy|list)$", p))])
    error_message = "The setup account must only read."
  }
  assert {
    condition     = length(google_service_account_iam_member.worker_impersonator) + length(google_service_account_iam_member.worker_workload_identity) + length(google_service_account_iam_member.setup_impersonator) + length(google_service_account_iam_member.setup_workload_identity) == 0
    error_message = "Nobody may act as an account unless told so."
  }
}

run "snippet" {
  assert {
    condition     = yamldecode(output.spacekeeper_yaml) == { project = "my-project", pubsub = { topic = "chat-events", subscription = "chat-events-worker", dead_letter_topic = "chat-events-dead-letter" } }
    error_message = "spacekeeper_yaml must name the project, the topics and the subscription."
  }
}

run "add_on" {
  variables {
    chat_app_is_add_on = true
  }
  assert {
    condition     = contains(google_pubsub_topic_iam_binding.publishers.members, "serviceAccount:service-123456789012@gcp-sa-gsuiteaddons.iam.gserviceaccount.com")
    error_message = "An add-on's service agent must be able to publish."
  }
  assert {
    condition     = contains(keys(google_project_service.required), "gsuiteaddons.googleapis.com")
    error_message = "The service agent exists only where its API is enabled."
  }
}

run "storage_regions" {
  variables {
    storage_regions = ["europe-west1"]
  }
  assert {
    condition     = toset(google_pubsub_topic.events.message_storage_policy[0].allowed_persistence_regions) == toset(["europe-west1"])
    error_message = "The topic must store messages where told."
  }
}

run "access" {
  variables {
    worker_access = { workload_identities = ["serviceAccount:my-project.svc.id.goog[chat/spacekeeper]"] }
    setup_access  = { impersonators = ["group:operators@example.com"] }
  }
  assert {
    condition     = google_service_account_iam_member.worker_workload_identity["serviceAccount:my-project.svc.id.goog[chat/spacekeeper]"].role == "roles/iam.workloadIdentityUser"
    error_message = "A Kubernetes service account must be able to act as the worker."
  }
  assert {
    condition     = google_service_account_iam_member.setup_impersonator["group:operators@example.com"].role == "roles/iam.serviceAccountTokenCreator"
    error_message = "Operators must be able to act as the setup account."
  }
}

run "no_bigquery_by_default" {
  assert {
    condition     = length(google_bigquery_dataset.events) + length(google_pubsub_subscription.bigquery) + length(google_bigquery_table.facts) == 0 && output.bigquery_dataset == null
    error_message = "Events must go to BigQuery on request only."
  }
}

run "bigquery" {
  variables {
    bigquery = { location = "EU", keep_days = 400 }
  }
  assert {
    condition     = google_pubsub_subscription.bigquery[0].bigquery_config[0].table == "my-project.spacekeeper.chat_events" && google_pubsub_subscription.bigquery[0].bigquery_config[0].write_metadata
    error_message = "Pub/Sub must write into the table, with attributes."
  }
  assert {
    condition     = google_pubsub_subscription.bigquery[0].expiration_policy[0].ttl == "" && google_pubsub_subscription.bigquery[0].dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "The subscription must not expire, and give up last."
  }
  assert {
    condition     = google_bigquery_table_iam_member.writer[0].role == "roles/bigquery.dataEditor" && google_bigquery_table_iam_member.writer[0].table_id == "chat_events" && google_bigquery_table_iam_member.writer[0].member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub must be able to write into the table, and nowhere else."
  }
  assert {
    condition     = google_bigquery_table.events[0].time_partitioning[0].field == "publish_time" && google_bigquery_table.events[0].time_partitioning[0].expiration_ms == 34560000000
    error_message = "The table must be divided by day, and days dropped after keep_days."
  }
  assert {
    condition     = alltrue([for name, view in google_bigquery_table.facts : strcontains(view.view[0].query, "`my-project.spacekeeper.events`") && !view.view[0].use_legacy_sql])
    error_message = "The views must read the events, in GoogleSQL."
  }
  assert {
    condition     = strcontains(google_bigquery_table.memberships[0].view[0].query, "`my-project.spacekeeper.fct_membership_changes`")
    error_message = "Memberships must be made of their changes."
  }
  assert {
    condition     = contains(keys(google_project_service.required), "bigquery.googleapis.com")
    error_message = "The API must be enabled."
  }
}

run "nothing_else_by_default" {
  assert {
    condition     = length(google_sql_database_instance.postgres) + length(google_cloud_run_v2_worker_pool.worker) + length(google_cloud_run_v2_job.migrate) + length(google_monitoring_alert_policy.backlog) + length(google_project_iam_member.database_login) == 0
    error_message = "A database, a worker and alerts must be made on request only."
  }
  assert {
    condition     = output.migrate_service_account == null && output.reader_service_account == null && output.database_address == null && output.database_connection_name == null
    error_message = "What isn't made has no address."
  }
}

run "database" {
  variables {
    database = { region = "europe-west1", network = "projects/my-project/global/networks/chat", high_availability = true, readers = ["group:analysts@example.com"] }
  }
  assert {
    condition     = !google_sql_database_instance.postgres[0].settings[0].ip_configuration[0].ipv4_enabled && google_sql_database_instance.postgres[0].settings[0].ip_configuration[0].private_network == "projects/my-project/global/networks/chat" && google_sql_database_instance.postgres[0].settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY"
    error_message = "The database must have a private address only, and encrypted connections."
  }
  assert {
    condition     = google_sql_database_instance.postgres[0].settings[0].backup_configuration[0].point_in_time_recovery_enabled && google_sql_database_instance.postgres[0].deletion_protection && google_sql_database_instance.postgres[0].settings[0].availability_type == "REGIONAL"
    error_message = "The database must be restorable to a point in time, and protected."
  }
  assert {
    condition     = toset([for f in google_sql_database_instance.postgres[0].settings[0].database_flags : "${f.name}=${f.value}"]) == toset(["checkpoint_timeout=1800", "max_wal_size=8192", "wal_compression=on", "cloudsql.iam_authentication=on"])
    error_message = "The database must have the settings of docs/capacity.md, and let readers log in by IAM."
  }
  assert {
    condition     = google_sql_user.readers["group:analysts@example.com"].type == "CLOUD_IAM_GROUP" && google_sql_user.readers["serviceAccount:spacekeeper-reader@my-project.iam.gserviceaccount.com"].name == "spacekeeper-reader@my-project.iam"
    error_message = "Readers must be users that Cloud SQL knows by IAM."
  }
  assert {
    condition     = alltrue([for m in concat(values(google_project_iam_member.database_login), values(google_project_iam_member.database_connect)) : strcontains(m.condition[0].expression, "projects/my-project/instances/spacekeeper")])
    error_message = "Readers must reach this database, and no other of the project."
  }
  assert {
    condition     = google_sql_database.spacekeeper[0].charset == "UTF8"
    error_message = "The database must hold what people write."
  }
}

run "cloud_run" {
  variables {
    run = {
      region        = "europe-west1", network = "chat", subnetwork = "chat", image = "europe-west1-docker.pkg.dev/my-project/images/subscriber:1.2.3"
      config_secret = "config", reactors_secret = "rules", worker_dsn_secret = "worker-dsn", migrate_dsn_secret = "migrate-dsn", instances = 2
    }
  }
  override_resource {
    target = google_service_account.migrate
    values = {
      email  = "spacekeeper-migrate@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:spacekeeper-migrate@my-project.iam.gserviceaccount.com"
    }
  }
  assert {
    condition     = google_cloud_run_v2_worker_pool.worker[0].template[0].service_account == "spacekeeper@my-project.iam.gserviceaccount.com" && google_cloud_run_v2_worker_pool.worker[0].scaling[0].manual_instance_count == 2
    error_message = "The worker must work as its account, as often as told."
  }
  assert {
    condition     = google_cloud_run_v2_job.migrate[0].template[0].template[0].service_account == "spacekeeper-migrate@my-project.iam.gserviceaccount.com" && google_cloud_run_v2_job.migrate[0].template[0].template[0].containers[0].args[0] == "migrate"
    error_message = "Another account than the worker's must migrate."
  }
  assert {
    condition     = google_cloud_run_v2_worker_pool.worker[0].template[0].vpc_access[0].network_interfaces[0].network == "chat" && google_cloud_run_v2_job.migrate[0].template[0].template[0].vpc_access[0].network_interfaces[0].subnetwork == "chat"
    error_message = "The database is in the network."
  }
  assert {
    condition     = toset([for e in google_cloud_run_v2_worker_pool.worker[0].template[0].containers[0].env : e.value if e.name == "SPACEKEEPER_PUBSUB_SUBSCRIPTION" || e.name == "SPACEKEEPER_REACTORS_FILE"]) == toset(["chat-events-worker", "/etc/spacekeeper-rules/reactors.yaml"])
    error_message = "The worker must pull the subscription, and read the rules where they are mounted."
  }
  assert {
    condition     = toset([for v in google_cloud_run_v2_worker_pool.worker[0].template[0].volumes : v.secret[0].secret]) == toset(["config", "rules", "worker-dsn"])
    error_message = "The worker must see its secrets, and not the one of whoever migrates."
  }
  assert {
    condition     = toset([for m in google_secret_manager_secret_iam_member.worker : m.secret_id]) == toset(["config", "rules", "worker-dsn"]) && google_secret_manager_secret_iam_member.migrate[0].secret_id == "migrate-dsn" && google_secret_manager_secret_iam_member.migrate[0].member == "serviceAccount:spacekeeper-migrate@my-project.iam.gserviceaccount.com"
    error_message = "Each account must read its own secrets only."
  }
}

run "alerts" {
  variables {
    alerts = { notification_channels = ["projects/my-project/notificationChannels/1"] }
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.backlog[0].conditions[0].condition_threshold[0].filter, "oldest_unacked_message_age") && google_monitoring_alert_policy.backlog[0].conditions[0].condition_threshold[0].threshold_value == 900
    error_message = "Somebody must be told when events wait for 15 minutes."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.dead_letters[0].conditions[0].condition_threshold[0].filter, "\"chat-events-dead-letter\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\"") && google_monitoring_alert_policy.dead_letters[0].conditions[0].condition_threshold[0].threshold_value == 0
    error_message = "Somebody must be told of the first dead letter."
  }
}

run "refuses_what_google_would_refuse" {
  command = plan

  variables {
    project_id         = "123456789012"
    topic              = "projects/my-project/topics/chat-events"
    subscription       = "google-events"
    dead_letter        = "d"
    storage_regions    = ["eu"]
    worker_account_id  = "Spacekeeper"
    setup_account_id   = "setup"
    worker_access      = { impersonators = ["allUsers"] }
    setup_access       = { workload_identities = ["allAuthenticatedUsers"] }
    bigquery           = { location = "EU", dataset = "my-dataset", zone = "'" }
    migrate_account_id = "m"
    reader_account_id  = "r"
    database           = { region = "europe-west1-b", network = "default" }
    run = {
      region        = "europe-west1", network = "chat", subnetwork = "chat", image = "subscriber:latest"
      config_secret = "config", worker_dsn_secret = "postgres://worker:secret@10.0.0.1/spacekeeper", migrate_dsn_secret = "dsn"
    }
    alerts = { notification_channels = ["jo@example.com"] }
  }
  expect_failures = [
    var.project_id, var.topic, var.subscription, var.dead_letter, var.storage_regions,
    var.worker_account_id, var.setup_account_id, var.worker_access, var.setup_access, var.bigquery,
    var.migrate_account_id, var.reader_account_id, var.database, var.run, var.alerts,
  ]
}
