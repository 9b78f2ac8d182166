package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// Options say what to look at.
type Options struct {
	Config    config.Config
	ConfigErr error // what was wrong with loading it; Config is then of no use

	// Rules reads the file that Config names as reactors.file, if it names one.
	// What is wrong with the rules is a [*RulesError]; other errors say why the
	// file can't be read. It is called at most once.
	Rules func() ([]Rule, error)

	// Pre leaves out what can only be so once apply has made it: subscriptions,
	// and what Pub/Sub has if Config leaves that to apply.
	Pre bool
	// Fresh asks Google for all subscriptions, and doesn't take what the keeper
	// saw lately.
	Fresh bool
	// Timeout bounds each check, and each answer that several share; default
	// 2m. Ten thousand subscriptions take a hundred calls to list, which is the
	// quota of a minute.
	Timeout time.Duration
	// Now is this machine's clock; nil for the real one.
	Now func() time.Time
}

// Run makes all checks and reports on each.
func Run(ctx context.Context, opts Options) Report {
	e, list := prepare(ctx, opts)
	defer e.close()
	return newReport(runAll(ctx, e, list))
}

func prepare(ctx context.Context, opts Options) (*examination, []check) {
	if opts.Timeout == 0 {
		opts.Timeout = 2 * time.Minute
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rules == nil {
		opts.Rules = func() ([]Rule, error) { return nil, errors.New("the rules can't be read here") }
	}
	list := checks()
	if opts.Pre {
		list = slices.DeleteFunc(list, func(c check) bool { return !c.before(opts.Config.PubSub.Manage) })
	}
	return examine(ctx, opts), list
}

// checks is the list of all there are, in the order of the report.
func checks() []check {
	return slices.Concat(
		configChecks(), identityChecks(), apiChecks(), chatAppChecks(),
		pubsubChecks(), databaseChecks(), subscriptionChecks(), clockChecks(), reactorChecks(),
	)
}

// runAll runs each check when those that it needs are done. A need that isn't
// in the list counts as met.
func runAll(ctx context.Context, e *examination, list []check) []Result {
	results := make([]Result, len(list))
	done := make(map[string]chan struct{}, len(list))
	index := make(map[string]int, len(list))
	for i, c := range list {
		done[c.code], index[c.code] = make(chan struct{}), i
	}
	var all sync.WaitGroup
	for i, c := range list {
		all.Go(func() {
			defer close(done[c.code])
			for _, need := range c.needs {
				at, ok := index[need]
				if !ok {
					continue
				}
				<-done[need]
				if o := results[at].Outcome; o == Failed || o == Skipped {
					results[i] = c.result(skipped("%s", waitsFor(results[at])))
					return
				}
			}
			results[i] = c.result(e.run(ctx, c))
		})
	}
	all.Wait()
	return results
}

// waitsFor names what has to be mended first, which is not always the need
// itself.
func waitsFor(need Result) string {
	if need.Outcome == Skipped {
		return need.Seen
	}
	return "first " + need.Code + " has to be mended"
}

// run makes one check in its time.
func (e *examination) run(ctx context.Context, c check) finding {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	found := c.run(ctx, e)
	if found.outcome == Failed && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		found.seen = fmt.Sprintf("no answer within %s: %s", e.timeout, found.seen)
	}
	return found
}
