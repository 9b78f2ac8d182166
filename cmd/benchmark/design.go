package main

// design is a way of doing it.
type design string

const (
	pullOnly design = "pull"  // (a) streaming pull, no-op handler, ack
	bulk     design = "bulk"  // (b) Postgres alone: unnest inserts of the same events, log table only
	naive    design = "naive" // (c) one transaction per message, statement by statement, same effects
	ours     design = "ours"  // (d) the worker
	ruled    design = "ruled" // (e) the worker with a hundred more rules, of which none is triggered

	// (f), (g) the worker with more rules that every message triggers, and that refuse it
	hundred  design = "100"
	thousand design = "1000"

	metered design = "metrics" // (h) the worker with its metrics
	traced  design = "traces"  // (i) with traces of all events, too, sent to a collector in the same process
)

func designs() []design {
	return []design{pullOnly, bulk, naive, ours, ruled, hundred, thousand, metered, traced}
}
