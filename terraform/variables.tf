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

variable "migrate_account_id" {
  description = "The id of the service account that the migration job works as; it is made with run."
  type        = string
  default     = "spacekeeper-migrate"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.migrate_account_id))
    error_message = "migrate_account_id is what comes before the @: 6 to 30 lower-case letters, digits or hyphens, the first a letter, the last no hyphen."
  }
}

variable "reader_account_id" {
  description = "The id of the service account that dashboards read as; it is made with database."
  type        = string
  default     = "spacekeeper-reader"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.reader_account_id))
    error_message = "reader_account_id is what comes before the @: 6 to 30 lower-case letters, digits or hyphens, the first a letter, the last no hyphen."
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

variable "database" {
  description = "Make a Postgres in Cloud SQL; null for a database that is there already. network: the VPC's id, \"projects/PROJECT/global/networks/NAME\", with private services access. backups: how many daily ones are kept. readers: who may read the schema analytics besides the reader account, as \"user:…\", \"group:…\" or \"serviceAccount:…\"."
  type = object({
    region            = string
    network           = string
    instance          = optional(string, "spacekeeper")
    version           = optional(string, "POSTGRES_15")
    tier              = optional(string, "db-custom-2-7680")
    disk_gb           = optional(number, 20)
    high_availability = optional(bool, false)
    backups           = optional(number, 14)
    readers           = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.database == null ? true : can(regex("^projects/[^/]+/global/networks/[^/]+$", var.database.network)) && can(regex("^[a-z]+-[a-z]+[0-9]+$", var.database.region))
    error_message = "database: network is \"projects/PROJECT/global/networks/NAME\"; region is one, such as \"europe-west1\"."
  }
  validation {
    condition     = var.database == null ? true : can(regex("^POSTGRES_1[5-9]$", var.database.version)) && can(regex("^[a-z][a-z0-9-]{0,96}[a-z0-9]$", var.database.instance))
    error_message = "database: version is POSTGRES_15 or newer; instance is lower-case letters, digits and hyphens, the first a letter."
  }
  validation {
    condition     = var.database == null ? true : alltrue([for m in var.database.readers : can(regex("^(user|group|serviceAccount):[^@]+@[^@]+$", m))])
    error_message = "database.readers are \"user:…\", \"group:…\" or \"serviceAccount:…\", each with an e-mail address."
  }
}

variable "run" {
  description = "Run the worker in a worker pool of Cloud Run, and make a job that migrates; null if it runs elsewhere. The secrets are ids of secrets in Secret Manager, in the same project: config_secret holds spacekeeper.yaml, reactors_secret reactors.yaml, the others a connection string each. network and subnetwork: their names, from where the database is reached; null if it has a public address."
  type = object({
    region             = string
    image              = string
    network            = optional(string)
    subnetwork         = optional(string)
    config_secret      = string
    worker_dsn_secret  = string
    migrate_dsn_secret = string
    reactors_secret    = optional(string)
    instances          = optional(number, 1)
    cpu                = optional(string, "1")
    memory             = optional(string, "512Mi")
  })
  default = null

  validation {
    condition     = var.run == null ? true : can(regex("^[a-z]+-[a-z]+[0-9]+$", var.run.region)) && var.run.instances >= 1
    error_message = "run: region is one, such as \"europe-west1\"; instances is at least 1."
  }
  validation {
    condition     = var.run == null ? true : can(regex("(:[^:/]+|@sha256:[0-9a-f]{64})$", var.run.image)) && !endswith(var.run.image, ":latest")
    error_message = "run.image names a version, as \"…:1.2.3\" or \"…@sha256:…\": with :latest nobody knows what runs."
  }
  validation {
    condition     = var.run == null ? true : alltrue([for s in compact([var.run.config_secret, var.run.worker_dsn_secret, var.run.migrate_dsn_secret, var.run.reactors_secret]) : can(regex("^[A-Za-z0-9_-]{1,255}$", s))])
    error_message = "run: secrets are ids of secrets in Secret Manager, and not full names or contents."
  }
}

variable "alerts" {
  description = "Alert on what Pub/Sub measures: events that wait for longer than backlog_seconds, and dead letters; null for not. notification_channels: full names of channels in Cloud Monitoring."
  type = object({
    notification_channels = list(string)
    backlog_seconds       = optional(number, 900)
  })
  default = null

  validation {
    condition     = var.alerts == null ? true : alltrue([for c in var.alerts.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", c))]) && var.alerts.backlog_seconds >= 60
    error_message = "alerts: notification_channels are \"projects/PROJECT/notificationChannels/ID\"; backlog_seconds is at least 60."
  }
}
