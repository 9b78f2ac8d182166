# The topic and the worker's subscription are there already, made by hand: Terraform
# takes them over. Look at the plan before you apply it: it shows what will change, and
# must not replace anything. Afterwards the import blocks can go.
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
  description = "The Google Cloud project of the Chat app."
  type        = string
}

variable "operator" {
  description = "Who runs subscribe-setup from their own machine, such as \"user:jo@example.com\"."
  type        = string
}

variable "topic" {
  description = "The id of the topic that is there."
  type        = string
}

variable "subscription" {
  description = "The id of the topic's Pub/Sub subscription that the worker pulls."
  type        = string
}

provider "google" {
  project = var.project_id
}

import {
  to = module.spacekeeper.google_pubsub_topic.events
  id = "projects/${var.project_id}/topics/${var.topic}"
}

import {
  to = module.spacekeeper.google_pubsub_subscription.worker
  id = "projects/${var.project_id}/subscriptions/${var.subscription}"
}

module "spacekeeper" {
  source = "../.."

  project_id   = var.project_id
  topic        = var.topic
  subscription = var.subscription
  setup_access = { impersonators = [var.operator] }
}

output "spacekeeper_yaml" {
  description = "Put it into spacekeeper.yaml."
  value       = module.spacekeeper.spacekeeper_yaml
}

output "topic" {
  description = "For the Chat app's connection settings."
  value       = module.spacekeeper.topic
}

output "oauth_client_ids" {
  description = "Tells the OAuth clients of the two accounts apart."
  value       = module.spacekeeper.oauth_client_ids
}

output "worker_service_account" {
  description = "Attach it to the worker's machine, service or pod."
  value       = module.spacekeeper.worker_service_account
}

output "setup_service_account" {
  description = "For gcloud auth application-default login --impersonate-service-account."
  value       = module.spacekeeper.setup_service_account
}
