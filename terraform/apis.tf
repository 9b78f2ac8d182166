locals {
  apis = [
    "chat.googleapis.com",
    "workspaceevents.googleapis.com",
    "pubsub.googleapis.com",
    # The app's listing, by which an administrator approves its scopes.
    "appsmarket-component.googleapis.com",
    # The service accounts, and tokens for them without keys.
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    # What subscribe-setup asks about the project.
    "serviceusage.googleapis.com",
    "cloudresourcemanager.googleapis.com",
  ]
  # Its service agent exists only where it is enabled.
  add_on_apis = var.chat_app_is_add_on ? ["gsuiteaddons.googleapis.com"] : []
}

resource "google_project_service" "required" {
  for_each = toset(concat(local.apis, local.add_on_apis, local.bigquery_apis, local.cloud_sql_apis, local.run_apis, local.alerts_apis))

  project = var.project_id
  service = each.value

  # Something else in the project may need it.
  disable_on_destroy = false
}

# Names the project's service agents.
data "google_project" "this" {
  project_id = var.project_id
}
