# All that the setup account holds in Google Cloud: it reads what doctor checks,
# and changes nothing. Of Google's own roles, those that show who may publish to
# a topic show every policy of the project, or may change them.
resource "google_project_iam_custom_role" "setup" {
  project     = var.project_id
  role_id     = "spacekeeper_setup"
  title       = "Spacekeeper setup"
  description = "Sees Pub/Sub's settings and policies, which APIs are enabled, and the project's number."

  permissions = [
    "pubsub.subscriptions.get",
    "pubsub.subscriptions.getIamPolicy",
    "pubsub.topics.get",
    "pubsub.topics.getIamPolicy",
    "resourcemanager.projects.get",
    "serviceusage.services.get",
    "serviceusage.services.list",
  ]

  depends_on = [google_project_service.required]
}

resource "google_project_iam_member" "setup" {
  project = var.project_id
  role    = google_project_iam_custom_role.setup.id
  member  = google_service_account.setup.member
}
