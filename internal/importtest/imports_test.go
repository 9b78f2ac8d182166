package importtest

import (
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/spacekeeper/spacekeeper"

// owner is an entry of the import table.
type owner struct {
	path string // below the module
	tier int
	also []string // owners of the same tier that it may import
}

// table is the import table: the longest path that a package starts with
// owns it. A new package is a new line, argued for in its commit.
func table() []owner {
	return []owner{
		{path: "cmd", tier: 4},
		// worker puts the parts together; demo shows it at work.
		{path: "internal/worker", tier: 3},
		{path: "internal/demo", tier: 3, also: []string{"internal/worker"}},
		{path: "internal/doctor", tier: 3}, // looks at what the others set up
		{path: "internal/doctor/readrules", tier: 3, also: []string{"internal/doctor"}},
		{path: "internal/ingest", tier: 2},
		{path: "internal/simulate", tier: 2},
		{path: "internal/subscriptions", tier: 2},
		{path: "internal/subscriptions/report", tier: 2, also: []string{"internal/subscriptions", "internal/provision"}},
		{path: "internal/catchup", tier: 2},
		{path: "internal/provision", tier: 2},
		{path: "internal/analytics", tier: 2}, // reads what stats, tail and export print
		{path: "internal/archive", tier: 2},
		{path: "internal/checkpoints", tier: 2, also: []string{"internal/reactors/webhook"}},
		{path: "internal/audit", tier: 2, also: []string{"internal/analytics", "internal/archive"}},
		// reactors holds no code that does anything: the runs that store keeps
		// and the marks by which gchat says whether a retry can mend an error.
		{path: "internal/store", tier: 1},
		{path: "internal/store/coverage", tier: 1, also: []string{"internal/store"}},
		{path: "internal/store/runs", tier: 1, also: []string{"internal/store", "internal/store/trail", "internal/reactors"}},
		{path: "internal/store/names", tier: 1, also: []string{"internal/store"}},
		{path: "internal/store/partitions", tier: 1},
		{path: "internal/store/statements", tier: 1}, // the SQL of all, read out of the source
		{path: "internal/store/capacity", tier: 1, also: []string{"internal/store"}},
		{path: "internal/store/privileges", tier: 1, also: []string{"internal/store"}},
		{path: "internal/store/reporting", tier: 1, also: []string{"internal/store"}},
		{path: "internal/store/installation", tier: 1, also: []string{"internal/store"}}, // for metrics
		// What the worker needs, and what of it roles get.
		{path: "internal/store/roles", tier: 1, also: []string{"internal/store", "internal/store/privileges"}},
		{path: "internal/store/trail", tier: 1, also: []string{"internal/store"}}, // what people do with what is recorded
		{path: "internal/store/holds", tier: 1},                                   // what may not be dropped
		{path: "internal/store/pruning", tier: 1, also: []string{"internal/store", "internal/store/partitions", "internal/store/proofs"}},
		// The event log is one transaction over rooms with one idea each: what
		// reads the past knows nothing of what writes it.
		{path: "internal/store/eventlog/payload", tier: 1},
		{path: "internal/store/proofs", tier: 1, also: rooms("payload")}, // proves that the log is as it was recorded
		{path: "internal/store/eventlog/items", tier: 1, also: rooms()},
		{path: "internal/store/eventlog/refusal", tier: 1, also: rooms()},
		{path: "internal/store/eventlog/quarantine", tier: 1, also: append(rooms(), "internal/store/proofs")},
		{path: "internal/store/eventlog/facts", tier: 1, also: append(rooms("items"), "internal/reactors")},
		{path: "internal/store/eventlog/originals", tier: 1, also: rooms("items", "payload")},
		{path: "internal/store/eventlog/numbers", tier: 1, also: rooms("items")},
		{path: "internal/store/eventlog/memberships", tier: 1, also: append(rooms("items", "numbers", "originals", "refusal"), "internal/reactors")},
		{path: "internal/store/eventlog/history", tier: 1, also: append(rooms("items", "memberships", "originals"), "internal/reactors")},
		{path: "internal/store/eventlog/projections", tier: 1, also: append(rooms("items", "memberships", "originals", "refusal"), "internal/store/partitions")},
		{path: "internal/store/erasures", tier: 1, also: append(
			rooms("items", "originals", "payload"), "internal/store/holds", "internal/store/proofs", "internal/store/trail")}, // what people wrote and are called
		{path: "internal/store/eventlog", tier: 1, also: append(
			rooms("facts", "history", "items", "memberships", "numbers", "originals", "payload", "projections", "quarantine", "refusal"),
			"internal/store/coverage", "internal/store/runs", "internal/store/partitions", "internal/store/proofs", "internal/reactors")},
		// mend brings back what eventlog could not take: quarantine, projections.
		{path: "internal/store/mend", tier: 1, also: append(rooms("items", "projections"), "internal/store/eventlog", "internal/store/proofs")},
		{path: "internal/gchat", tier: 1, also: []string{"internal/reactors"}},
		{path: "internal/reactors", tier: 1},
		// The rule engine stands on the vocabulary, layer by layer: the language
		// of conditions, the rules, carrying them out, and asking what they would
		// have done.
		{path: "internal/reactors/placeholders", tier: 1}, // the grammar of texts
		{path: "internal/reactors/cards", tier: 1},        // read as card builders export them
		{path: "internal/reactors/wording", tier: 1},      // people's words for CEL's
		{path: "internal/reactors/tree", tier: 1},         // what is in an expression, and what it names
		{path: "internal/reactors/never", tier: 1, also: append(reactorRooms("clock", "tree", "wording"), "internal/reactors")}, // what compiles and can't be meant
		{path: "internal/reactors/expr", tier: 1, also: append(reactorRooms("never", "placeholders", "tree", "wording"), "internal/reactors")},
		{path: "internal/reactors/clock", tier: 1},                                       // times as a clock on the wall shows them: whoever asks brings the time
		{path: "internal/reactors/params", tier: 1, also: []string{"internal/reactors"}}, // the texts in an action's parameters
		{path: "internal/reactors/rules", tier: 2},
		{path: "internal/reactors/decide", tier: 2, also: []string{"internal/reactors/rules"}},
		{path: "internal/reactors/engine", tier: 2, also: []string{"internal/reactors/rules", "internal/reactors/decide"}},
		{path: "internal/reactors/preview", tier: 2, also: []string{"internal/reactors/rules"}},
		{path: "internal/reactors/replay", tier: 2, also: []string{"internal/reactors/rules", "internal/reactors/decide"}},
		// report prints what these two find out, and what the store has kept.
		{path: "internal/reactors/report", tier: 2, also: []string{"internal/reactors/rules", "internal/reactors/preview", "internal/reactors/replay"}},
		{path: "internal/reactors/actions", tier: 2, also: actionPackages()}, // the list of them
		{path: "internal/reactors/examples", tier: 0},                        // texts
		{path: "internal/reactors/letters", tier: 0},                         // what people write: the words and emoji of reactors and their language
		{path: "internal/events", tier: 0},                                   // the vocabulary of all
		{path: "internal/strictyaml", tier: 0},                               // reads every YAML file, the configuration among them
		{path: "internal/tracing", tier: 0},                                  // of what the worker does about an event
		{path: "internal/quota", tier: 0},                                    // all clients of Google's APIs wait by it
		{path: "internal/readfile", tier: 0},                                 // every file that a configuration names is read by it
		{path: "internal/config", tier: 0, also: []string{"internal/strictyaml", "internal/readfile"}},
		// credentials turns the configuration's choice into those of the client libraries.
		{path: "internal/credentials", tier: 0, also: []string{"internal/config", "internal/readfile"}},
		// cli reads the configuration that --config names, and durations as it does.
		{path: "internal/cli", tier: 0, also: []string{"internal/config", "internal/strictyaml"}},
		// draft asks for a first configuration and writes it, with an example of rules.
		{path: "internal/config/draft", tier: 0, also: []string{"internal/cli", "internal/config", "internal/strictyaml", "internal/reactors/examples"}},
		{path: "internal/proof", tier: 0}, // the transparency log's tree, for whoever keeps one
		{path: "internal/plot", tier: 0},  // numbers as pictures: it knows nothing of what they count
		{path: "internal/jobs", tier: 0},
		{path: "internal/logging", tier: 0},
		{path: "internal/localpg", tier: 0},
		{path: "migrations", tier: 0},
		{path: "dashboards", tier: 0}, // what panels ask
	}
}

// rooms are rooms of the event log, and the store that all stand on.
func rooms(names ...string) []string {
	list := []string{"internal/store"}
	for _, name := range names {
		list = append(list, "internal/store/eventlog/"+name)
	}
	return list
}

// reactorRooms are rooms of the rule engine.
func reactorRooms(names ...string) (list []string) {
	for _, name := range names {
		list = append(list, "internal/reactors/"+name)
	}
	return list
}

// actionPackages are those that the list of actions names.
func actionPackages() (list []string) {
	for _, name := range []string{"dm", "member", "react", "record", "send", "wasm", "webhook"} {
		list = append(list, "internal/reactors/"+name)
	}
	return list
}

// reserved are imports that belong to few owners and those below them.
func reserved() map[string][]string {
	return map[string][]string{
		// One package talks to the Chat API, so that pacing, retry and
		// idempotency hold for every call.
		"google.golang.org/api/chat/v1": {"internal/gchat", "internal/simulate"},
		// ingest and the actions declare the interface that they need.
		module + "/internal/store": {"internal/store", "internal/subscriptions", "internal/catchup", "internal/analytics", "internal/archive", "internal/audit", "internal/checkpoints", "internal/doctor", "internal/reactors/engine", "internal/worker", "internal/demo", "cmd"},
	}
}

// forTests are imports that no binary needs.
func forTests() []string {
	return []string{
		"testing",
		"github.com/Shopify/toxiproxy/v2",
		"github.com/google/go-cmp/cmp",
		"go.uber.org/goleak",
		"pgregory.net/rapid",
	}
}

// within reports whether a package is another or below it.
func within(pkg, above string) bool { return pkg == above || strings.HasPrefix(pkg, above+"/") }

// ownerOf finds the table's entry for a package, given below the module.
func ownerOf(pkg string) (owner, bool) {
	var found owner
	for _, o := range table() {
		if within(pkg, o.path) && len(o.path) > len(found.path) {
			found = o
		}
	}
	// Every action is a package of its own, above the vocabulary it speaks.
	if rest, ok := strings.CutPrefix(pkg, "internal/reactors/"); ok && found.path == "internal/reactors" {
		action, _, _ := strings.Cut(rest, "/")
		return owner{path: "internal/reactors/" + action, tier: 2}, true
	}
	return found, found.path != ""
}

// supportsTests reports whether a package exists for tests only.
func supportsTests(pkg string) bool { return strings.HasSuffix(path.Base(pkg), "test") }

// complainImport says what is wrong with an import by a package's production
// code, if anything.
func complainImport(pkg, imported string) string {
	if supportsTests(pkg) {
		return ""
	}
	from, known := ownerOf(pkg)
	if !known {
		return "package " + pkg + " is not in the import table"
	}
	if slices.Contains(forTests(), imported) {
		return pkg + " imports " + imported + ", which is for tests"
	}
	for name, users := range reserved() {
		mayUse := slices.ContainsFunc(users, func(user string) bool { return within(from.path, user) })
		if !within(imported, name) || mayUse {
			continue
		}
		return fmt.Sprintf("%s imports %s, which only %s may", pkg, imported, strings.Join(users, " and "))
	}
	ours, ok := strings.CutPrefix(imported, module+"/")
	if !ok {
		if from.path == "internal/events" && strings.Contains(strings.Split(imported, "/")[0], ".") {
			return "internal/events imports " + imported + ": it is pure and uses the standard library only"
		}
		return ""
	}
	if supportsTests(ours) {
		return pkg + " imports " + ours + ", which is for tests"
	}
	to, known := ownerOf(ours)
	if !known {
		return "package " + ours + " is not in the import table"
	}
	if to.path == from.path || to.path == "internal/events" || to.tier < from.tier || slices.Contains(from.also, to.path) {
		return ""
	}
	return fmt.Sprintf("%s (tier %d) imports %s (tier %d)", pkg, from.tier, ours, to.tier)
}

func TestComplainImport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pkg, imported, want string
	}{
		{"cmd/subscriber", module + "/internal/store", ""},
		{"internal/ingest", module + "/internal/events", ""},
		{"internal/ingest", module + "/internal/reactors", ""},
		{"internal/store/runs", module + "/internal/reactors", ""},
		{"internal/store", module + "/migrations", ""},
		{"internal/config", module + "/internal/events", ""},
		{"internal/simulate/pubsub", module + "/internal/simulate/clock", ""},
		{"internal/reactors/send", module + "/internal/reactors", ""},
		{"internal/gchat", module + "/internal/reactors", ""},
		{"internal/gchat", "google.golang.org/api/chat/v1", ""},
		{"internal/simulate", "google.golang.org/api/chat/v1", ""},
		{"internal/events", "encoding/json", ""},
		{"internal/store/storetest", module + "/cmd/subscriber", ""},

		{"internal/util", "fmt", "package internal/util is not in the import table"},
		{"cmd/subscriber", module + "/internal/util", "package internal/util is not in the import table"},
		{"internal/ingest", module + "/internal/store", "imports " + module + "/internal/store"},
		{"internal/ingest", module + "/internal/store/lease", "imports " + module + "/internal/store"},
		{"internal/reactors/send", module + "/internal/store", "imports " + module + "/internal/store"},
		{"internal/reactors/send", module + "/internal/reactors/webhook", "(tier 2) imports internal/reactors/webhook (tier 2)"},
		{"internal/reactors", module + "/internal/reactors/send", "(tier 1) imports internal/reactors/send (tier 2)"},
		{"internal/store/runs", module + "/internal/store/eventlog", "(tier 1) imports internal/store/eventlog (tier 1)"},
		{"internal/store", module + "/internal/store/coverage", "(tier 1) imports internal/store/coverage (tier 1)"},
		{"internal/gchat", module + "/internal/store", "imports " + module + "/internal/store"},
		{"internal/reactors", module + "/internal/gchat", "(tier 1) imports internal/gchat (tier 1)"},
		{"internal/events", module + "/internal/config", "(tier 0) imports internal/config (tier 0)"},
		{"internal/config", module + "/internal/logging", "(tier 0) imports internal/logging (tier 0)"},
		{"internal/simulate", module + "/cmd/subscriber", "(tier 2) imports cmd/subscriber (tier 4)"},
		{"cmd/subscriber", module + "/internal/store/storetest", "which is for tests"},
		{"internal/simulate", "testing", "which is for tests"},
		{"internal/subscriptions", "google.golang.org/api/chat/v1", "which only internal/gchat and internal/simulate may"},
		{"internal/events", "github.com/google/uuid", "standard library only"},
	}
	for _, test := range tests {
		got := complainImport(test.pkg, test.imported)
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("complainImport(%q, %q) = %q, want %q in it", test.pkg, test.imported, got, test.want)
		}
	}
}

// TestImports reads every file, whatever system it is for.
func TestImports(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if file.isTest() {
			continue
		}
		for _, imported := range file.imports() {
			if complaint := complainImport(file.pkg(), imported); complaint != "" {
				t.Errorf("%s: %s", file.path, complaint)
			}
		}
	}
}

// TestDependencies looks through what is imported, too.
func TestDependencies(t *testing.T) {
	t.Parallel()
	for _, dep := range dependencies(t, "./internal/events") {
		if strings.Contains(strings.Split(dep, "/")[0], ".") && dep != module+"/internal/events" {
			t.Errorf("internal/events depends on %s: it is pure and uses the standard library only", dep)
		}
	}
	// What decides, and what acts, is told apart from where it is kept.
	patterns := []string{"./internal/ingest/..."}
	for _, file := range goFiles(t) {
		pkg := file.pkg()
		if strings.HasPrefix(pkg, "internal/reactors") && pkg != "internal/reactors/engine" && !supportsTests(pkg) && !slices.Contains(patterns, "./"+pkg) {
			patterns = append(patterns, "./"+pkg)
		}
	}
	for _, pattern := range patterns {
		if slices.Contains(dependencies(t, pattern), module+"/internal/store") {
			t.Errorf("%s depends on internal/store, by way of another package", pattern)
		}
	}
}

// dependencies lists all packages that the pattern's packages need.
func dependencies(t *testing.T, pattern string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-deps", pattern)
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list dependencies of %s: %v", pattern, err)
	}
	return strings.Fields(string(out))
}
