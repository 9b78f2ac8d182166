variable "project_id" {
  description = "The id of the Google Cloud project that the Chat app belongs to. Workspace Events publishes only to a topic in the same project."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a project's id, such as \"my-project\", and not its number or display name."
  }
}

variable "topic" {
  description = "The id of the topic that Google publishes events to. Another id makes another topic, and with it a new, empty subscription."
  type        = string
  default     = "chat-events"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.topic)) && !startswith(lower(var.topic), "goog")
    error_message = "topic is an id and not a full name: 3 to 255 letters, digits or . _ ~ + % -, the first a letter; it can't begin with \"goog\"."
  }
}

variable "subscription" {
  description = "The id of the Pub/Sub subscription that the worker pulls. Another id makes a new, empty subscription: what the old one held is lost."
  type        = string
  default     = "chat-events-worker"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.subscription)) && !startswith(lower(var.subscription), "goog")
    error_message = "subscription is an id and not a full name: 3 to 255 letters, digits or . _ ~ + % -, the first a letter; it can't begin with \"goog\"."
  }
}

variable "dead_letter" {
  description = "The id of both the dead-letter topic and its subscription."
  type        = string
  default     = "chat-events-dead-letter"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.dead_letter)) && !startswith(lower(var.dead_letter), "goog")
    error_message = "dead_letter is an id and not a full name: 3 to 255 letters, digits or . _ ~ + % -, the first a letter; it can't begin with \"goog\"."
  }
}

variable "retain_acked_messages" {
  description = "Keep messages for 31 days after they were acked, too, so that the subscription can be sought back to any time within them. Pub/Sub charges for the storage."
  type        = bool
  default     = false
  nullable    = false
}

variable "storage_regions" {
  description = "The regions in which Pub/Sub may store events, such as [\"europe-west1\"]; empty for no constraint. Leave it empty unless you must: see topic.tf."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for region in var.storage_regions : can(regex("^[a-z]+-[a-z]+[0-9]+$", region))])
    error_message = "storage_regions are regions, such as \"europe-west1\"; not zones or multi-regions."
  }
}

variable "chat_app_is_add_on" {
  description = "Whether the Chat app is built as a Google Workspace add-on: a second account publishes then, which has to be allowed."
  type        = bool
  default     = false
  nullable    = false
}

variable "worker_account_id" {
  description = "The id of the service account that `subscriber run` works as."
  type        = string
  default     = "spacekeeper"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.worker_account_id))
    error_message = "worker_account_id is what comes before the @: 6 to 30 lower-case letters, digits or hyphens, the first a letter, the last no hyphen."
  }
}

variable "setup_account_id" {
  description = "The id of the service account that `subscribe-setup` works as."
  type        = string
  default     = "spacekeeper-setup"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.setup_account_id))
    error_message = "setup_account_id is what comes before the @: 6 to 30 lower-case letters, digits or hyphens, the first a letter, the last no hyphen."
  }
}

variable "worker_access" {
  description = "Who may act as the worker's account without a key. workload_identities: a Kubernetes service account as \"serviceAccount:PROJECT.svc.id.goog[NAMESPACE/NAME]\", or \"principal://…\" and \"principalSet://…\" of a workload identity pool. impersonators: people or service accounts that may mint its tokens, as \"user:…\", \"group:…\" or \"serviceAccount:…\"."
  type = object({
    workload_identities = optional(set(string), [])
    impersonators       = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for m in var.worker_access.workload_identities : can(regex("^(serviceAccount:[^@]+\\.svc\\.id\\.goog\\[[^/]+/[^/]+\\]|principal(Set)?://iam\\.googleapis\\.com/.+)$", m))])
    error_message = "worker_access.workload_identities are \"serviceAccount:PROJECT.svc.id.goog[NAMESPACE/NAME]\", \"principal://iam.googleapis.com/…\" or \"principalSet://iam.googleapis.com/…\"."
  }
  validation {
    condition     = alltrue([for m in var.worker_access.impersonators : can(regex("^(user|group|serviceAccount):[^@]+@[^@]+$", m))])
    error_message = "worker_access.impersonators are \"user:…\", \"group:…\" or \"serviceAccount:…\", each with an e-mail address."
  }
}

variable "setup_access" {
  description = "Who may act as the setup account without a key; as worker_access."
  type = object({
    workload_identities = optional(set(string), [])
    impersonators       = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for m in var.setup_access.workload_identities : can(regex("^(serviceAccount:[^@]+\\.svc\\.id\\.goog\\[[^/]+/[^/]+\\]|principal(Set)?://iam\\.googleapis\\.com/.+)$", m))])
    error_message = "setup_access.workload_identities are \"serviceAccount:PROJECT.svc.id.goog[NAMESPACE/NAME]\", \"principal://iam.googleapis.com/…\" or \"principalSet://iam.googleapis.com/…\"."
  }
  validation {
    condition     = alltrue([for m in var.setup_access.impersonators : can(regex("^(user|group|serviceAccount):[^@]+@[^@]+$", m))])
    error_message = "setup_access.impersonators are \"user:…\", \"group:…\" or \"serviceAccount:…\", each with an e-mail address."
  }
}

variable "bigquery" {
  description = "Have Pub/Sub write every event into BigQuery, too; null for not. location: of the dataset, such as \"EU\", for good. dataset: its id. zone: whose days the views count. keep_days: after how many days events are dropped; null for never. Its readers see all spaces and all text."
  type = object({
    location  = string
    dataset   = optional(string, "spacekeeper")
    zone      = optional(string, "UTC")
    keep_days = optional(number)
  })
  default = null

  validation {
    condition     = var.bigquery == null ? true : can(regex("^[A-Za-z0-9_]+$", var.bigquery.dataset)) && can(regex("^[A-Za-z][A-Za-z0-9-]+$", var.bigquery.location))
    error_message = "bigquery: dataset is letters, digits and _; location is a region or multi-region, such as \"EU\" or \"europe-west1\"."
  }
  validation {
    condition     = var.bigquery == null ? true : can(regex("^[A-Za-z0-9_+/-]+$", var.bigquery.zone)) && coalesce(var.bigquery.keep_days, 1) >= 1
    error_message = "bigquery: zone is an IANA name, such as \"Europe/Berlin\"; keep_days is at least 1."
  }
}
