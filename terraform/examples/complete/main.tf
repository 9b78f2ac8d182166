# Everything in one project: a network, Postgres in Cloud SQL, the worker in Cloud Run,
# alerts, BigQuery. The README says in which order.
terraform {
  required_version = ">= 1.7"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.18"
    }
  }
}

variable "project_id" {
  description = "The Google Cloud project of the Chat app, made for this environment alone."
  type        = string
}

variable "region" {
  description = "Where the worker and the database are, such as \"europe-west1\"."
  type        = string
}

variable "operator" {
  description = "Who runs subscribe-setup from their own machine, such as \"user:jo@example.com\"."
  type        = string
}

variable "image" {
  description = "The worker's image, in a registry that Cloud Run pulls from, with its version."
  type        = string
}

variable "notification_channels" {
  description = "Who is told, as \"projects/PROJECT/notificationChannels/ID\"."
  type        = list(string)
}

provider "google" {
  project = var.project_id
  region  = var.region
}

resource "google_project_service" "network" {
  for_each = toset(["compute.googleapis.com", "servicenetworking.googleapis.com", "secretmanager.googleapis.com"])

  project            = var.project_id
  service            = each.value
  disable_on_destroy = false
}

resource "google_compute_network" "this" {
  project                 = var.project_id
  name                    = "spacekeeper"
  auto_create_subnetworks = false

  depends_on = [google_project_service.network]
}

resource "google_compute_subnetwork" "this" {
  project       = var.project_id
  name          = "spacekeeper"
  region        = var.region
  network       = google_compute_network.this.id
  ip_cidr_range = "10.20.0.0/24"
  # The worker reaches Google's APIs without an address of its own.
  private_ip_google_access = true
}

# Private services access: Cloud SQL has its address in this range.
resource "google_compute_global_address" "services" {
  project       = var.project_id
  name          = "spacekeeper-services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.this.id
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
}

# Without contents, which would be in the state: gcloud secrets versions add.
resource "google_secret_manager_secret" "this" {
  for_each = toset(["spacekeeper-config", "spacekeeper-reactors", "spacekeeper-worker-dsn", "spacekeeper-migrate-dsn"])

  project   = var.project_id
  secret_id = each.value

  replication {
    auto {}
  }

  depends_on = [google_project_service.network]
}

module "spacekeeper" {
  source = "../.."

  project_id   = var.project_id
  setup_access = { impersonators = [var.operator] }

  database = {
    region            = var.region
    network           = google_compute_network.this.id
    high_availability = true
    readers           = [var.operator]
  }

  run = {
    region             = var.region
    image              = var.image
    network            = google_compute_network.this.name
    subnetwork         = google_compute_subnetwork.this.name
    config_secret      = google_secret_manager_secret.this["spacekeeper-config"].secret_id
    reactors_secret    = google_secret_manager_secret.this["spacekeeper-reactors"].secret_id
    worker_dsn_secret  = google_secret_manager_secret.this["spacekeeper-worker-dsn"].secret_id
    migrate_dsn_secret = google_secret_manager_secret.this["spacekeeper-migrate-dsn"].secret_id
    instances          = 2
  }

  alerts   = { notification_channels = var.notification_channels }
  bigquery = { location = "EU" }

  depends_on = [google_service_networking_connection.services]
}

output "spacekeeper_yaml" {
  description = "The beginning of what belongs into the secret spacekeeper-config."
  value       = module.spacekeeper.spacekeeper_yaml
}

output "database_address" {
  description = "For the connection strings in the secrets."
  value       = module.spacekeeper.database_address
}

output "database_connection_name" {
  description = "For Google's proxy."
  value       = module.spacekeeper.database_connection_name
}

output "migrate_service_account" {
  description = "The migration job works as it."
  value       = module.spacekeeper.migrate_service_account
}

output "reader_service_account" {
  description = "Dashboards work as it."
  value       = module.spacekeeper.reader_service_account
}

output "topic" {
  description = "For the Chat app's connection settings."
  value       = module.spacekeeper.topic
}

output "oauth_client_ids" {
  description = "Tells the OAuth clients of the two accounts apart."
  value       = module.spacekeeper.oauth_client_ids
}

output "setup_service_account" {
  description = "For gcloud auth application-default login --impersonate-service-account."
  value       = module.spacekeeper.setup_service_account
}
