# Both accounts act as the Chat app. Neither has a key, and this configuration
# never makes one: a key would be in the state, and would not expire.
resource "google_service_account" "worker" {
  project      = var.project_id
  account_id   = var.worker_account_id
  display_name = "Spacekeeper worker"
  description  = "Pulls Google Chat events and sends messages as the Chat app."

  depends_on = [google_project_service.required]
}

# Workspace Events subscriptions belong to Google Workspace: no role in Google
# Cloud says who may create them.
resource "google_service_account" "setup" {
  project      = var.project_id
  account_id   = var.setup_account_id
  display_name = "Spacekeeper setup"
  description  = "Creates, lists and deletes Workspace Events subscriptions as the Chat app."

  depends_on = [google_project_service.required]
}

resource "google_service_account_iam_member" "worker_workload_identity" {
  for_each = var.worker_access.workload_identities

  service_account_id = google_service_account.worker.name
  role               = "roles/iam.workloadIdentityUser"
  member             = each.value
}

resource "google_service_account_iam_member" "worker_impersonator" {
  for_each = var.worker_access.impersonators

  service_account_id = google_service_account.worker.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.value
}

resource "google_service_account_iam_member" "setup_workload_identity" {
  for_each = var.setup_access.workload_identities

  service_account_id = google_service_account.setup.name
  role               = "roles/iam.workloadIdentityUser"
  member             = each.value
}

resource "google_service_account_iam_member" "setup_impersonator" {
  for_each = var.setup_access.impersonators

  service_account_id = google_service_account.setup.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.value
}
