package config

import "reflect"

// Need names what a configuration is for, and thereby what must be set.
type Need string

const (
	ForWorker  Need = "the worker" // subscriber run
	ForMigrate Need = "subscriber migrate"
	ForMembers Need = "subscriber reconcile-members"
	ForPast    Need = "subscriber backfill"
	ForApply   Need = "subscribe-setup"

	ForGaps        Need = "subscriber gaps"
	ForReactors    Need = "subscriber reactors"
	ForEvents      Need = "subscriber events"
	ForQuarantine  Need = "subscriber quarantine"
	ForProjections Need = "subscriber projections"
	ForTail        Need = "subscriber tail"
	ForStats       Need = "subscriber stats"
	ForAnalytics   Need = "subscriber analytics"
	ForAudit       Need = "subscriber audit"
)

// required lists, for each need, the keys that have no default.
func required(need Need) []string {
	switch need {
	case ForWorker:
		return []string{"project", "pubsub.subscription", "database.dsn"}
	case ForMigrate, ForMembers, ForPast, ForGaps, ForReactors, ForEvents, ForQuarantine, ForProjections,
		ForTail, ForStats, ForAnalytics, ForAudit:
		return []string{"database.dsn"}
	case ForApply:
		return []string{"project", "pubsub.topic", "workspace.spaces"}
	}
	return nil
}

// Validate checks a configuration that was built in code: its values, and what
// must be set for each of needs. The error is an [*Error].
func (c Config) Validate(needs ...Need) error {
	checker := newChecker(&c)
	checker.values()
	checker.needs(needs)
	return checker.err()
}

func (c *checker) needs(needs []Need) {
	reported := map[string]bool{}
	byPath := map[string]field{}
	for _, f := range fields("", reflect.ValueOf(c.cfg).Elem()) {
		byPath[f.path] = f
	}
	for _, need := range needs {
		paths := required(need)
		if k := c.cfg.Keeper; need == ForWorker && k.Enabled && (k.OnAdded || len(c.cfg.Workspace.All()) > 0) {
			paths = append(paths, "pubsub.topic") // subscriptions are made to it
		}
		for _, path := range paths {
			f := byPath[path]
			empty := f.value.IsZero() || f.value.Kind() == reflect.Slice && f.value.Len() == 0
			if !empty || c.Wrong[path] || reported[path] {
				continue
			}
			if path == "database.dsn" && (c.cfg.Database.DSNFile != "" || c.Wrong["database.dsn_file"]) {
				continue
			}
			if path == "workspace.spaces" && (len(c.cfg.Workspace.Targets) > 0 || c.Wrong["workspace.targets"] || c.cfg.Keeper.OnAdded) {
				continue
			}
			reported[path] = true
			c.add(path, "%s is missing; %s needs it (or set %s)", path, need, f.env())
		}
	}
}
