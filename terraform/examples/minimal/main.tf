# Everything as it comes. Two values are yours to give: terraform asks for them.
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

variable "operator" {
  description = "Who runs subscribe-setup from their own machine, such as \"user:jo@example.com\"."
  type        = string
}

provider "google" {
  project = var.project_id
}

module "spacekeeper" {
  source = "../.."

  project_id   = var.project_id
  setup_access = { impersonators = [var.operator] }
}

output "spacekeeper_yaml" {
  description = "Put it into spacekeeper.yaml."
  value       = module.spacekeeper.spacekeeper_yaml
}

output "worker_service_account" {
  description = "Attach it to the worker's machine, service or pod."
  value       = module.spacekeeper.worker_service_account
}

output "setup_service_account" {
  description = "For gcloud auth application-default login --impersonate-service-account."
  value       = module.spacekeeper.setup_service_account
}

output "topic" {
  description = "For the Chat app's connection settings."
  value       = module.spacekeeper.topic
}

output "oauth_client_ids" {
  description = "Tells the OAuth clients of the two accounts apart."
  value       = module.spacekeeper.oauth_client_ids
}
