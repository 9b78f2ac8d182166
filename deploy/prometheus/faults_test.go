package prometheus_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/waittest"
)

func TestMain(m *testing.M) {
	waittest.AtOnce(8)
	os.Exit(storetest.Main(m,
		// Started by an init function below the Pub/Sub client; never ends.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The library's keep-alive goroutine notices up to 10 s late that its stream is gone.
		goleak.IgnoreTopFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler")))
}

// fault is something that goes wrong with an installation.
type fault struct {
	name string
	// inject does it and waits until the metrics show it. What it returns mends it
	// and waits likewise.
	inject func(*installation) (heal func())
	fires  []string // all alerts that fire
	within int      // minutes after the metrics show it
	clears int      // minutes after they show that it is mended; none fires then
}

var faults = []fault{
	{"no worker", func(in *installation) func() {
		in.running.stop()
		return in.restart
	}, []string{"WorkerDown"}, 4, 5},
	{"Pub/Sub refuses", func(in *installation) func() {
		in.must(in.broker.FailStreams(in.subscription, codes.PermissionDenied))
		in.running.shows("nothing is received", func(s *scrape) bool { return s.max("spacekeeper_ingest_ready") == 0 })
		return func() {
			in.must(in.broker.Heal(in.subscription))
			// To begin to receive is to be ready, and may still be refused: something has to come.
			in.join()
			in.running.shows("events are received", func(s *scrape) bool {
				return s.max("spacekeeper_ingest_ready") == 1 && s.max("spacekeeper_reactors_runs_total", `outcome="sent"`) == 2
			})
		}
	}, []string{"NotReady"}, 6, 5},
	{"the database is away", func(in *installation) func() {
		name := in.database()
		in.admin("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false")
		in.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'")
		in.running.shows("the database is away", func(s *scrape) bool {
			return s.max("spacekeeper_installation_read") == 0 && s.max("spacekeeper_jobs_ready") == 0
		})
		return func() {
			in.admin("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true")
			in.running.shows("it is back", func(s *scrape) bool {
				return s.max("spacekeeper_installation_read") == 1 && s.max("spacekeeper_jobs_ready") == 1
			})
		}
	}, []string{"DatabaseAway", "NotReady"}, 6, 5},
	{"events come five minutes late", func(in *installation) func() { return in.late(5 * time.Minute) }, []string{"LagHigh"}, 16, 15},
	{"events come two hours late", func(in *installation) func() { return in.late(2 * time.Hour) }, []string{"BacklogOld", "LagHigh"}, 26, 25},
	{"garbage", func(in *installation) func() {
		in.must(in.PublishGarbage(simulate.GarbageKinds()[0], in.topic))
		in.running.shows("it is in quarantine", func(s *scrape) bool {
			return s.max("spacekeeper_ingest_messages_total", `outcome="quarantined"`) == 1
		})
		return func() {}
	}, []string{"Quarantine"}, 1, 35},
	{"acks are lost again and again", func(in *installation) func() {
		in.must(in.broker.DropAcks(in.subscription, 1000))
		in.post()
		in.until("a message has come for the fiftieth time", func() bool {
			in.clock.move(70 * time.Second)
			return in.running.scrape().max("spacekeeper_ingest_delivery_attempts_bucket", `le="+Inf"`) > in.running.scrape().max("spacekeeper_ingest_delivery_attempts_bucket", `le="50"`)
		})
		return func() {} // Pub/Sub's clock stands nearly still from now on: no lease ends
	}, []string{"DeadLetters"}, 1, 65},
	{"renewals are refused", func(in *installation) func() {
		in.SetEventsFaults(func(c simulate.EventsCall) simulate.EventsFault {
			if c.Method == "subscriptions.patch" {
				return simulate.EventsFault{Status: 403}
			}
			return simulate.EventsFault{}
		})
		in.must(in.ExpireAfter(in.SubscriptionTo(in.Spaces()[0].Name), 30*time.Minute))
		soon := func(s *scrape) bool {
			return s.max("spacekeeper_subscriptions_nearest_expiry_timestamp_seconds")-float64(time.Now().Unix()) < 3600
		}
		in.pass()
		in.running.shows("one expires soon", soon)
		in.exec("UPDATE subscription_states SET granted_at = granted_at - interval '1 hour'") // half of its time is over
		in.pass()
		in.running.shows("it is not renewed", func(s *scrape) bool { return s.max("spacekeeper_keeper_failing_subscriptions") > 0 })
		return func() {
			in.SetEventsFaults(nil)
			in.pass()
			in.running.shows("it is renewed", func(s *scrape) bool { return !soon(s) })
		}
	}, []string{"SubscriptionExpiring"}, 6, 5},
	{"a suspended subscription", func(in *installation) func() {
		mend := in.suspend()
		return func() {
			mend()
			in.running.shows("its gap is filled", func(s *scrape) bool { return s.max("spacekeeper_coverage_gaps") == 0 })
		}
	}, []string{"CoverageGapUnfilled", "SubscriptionSuspended"}, 61, 5},
	{"a gap that can't be filled", func(in *installation) func() {
		in.SetChatFaults(func(c simulate.ChatCall) simulate.ChatFault {
			if strings.HasSuffix(c.Method, "spaceEvents.list") {
				return simulate.ChatFault{Status: 403}
			}
			return simulate.ChatFault{}
		})
		in.suspend()()
		in.running.shows("it is there for good", func(s *scrape) bool { return s.max("spacekeeper_coverage_gaps", `state="impossible"`) == 1 })
		return func() {
			gaps, err := in.coverage().Gaps(in.Context())
			in.must(err)
			in.must(in.coverage().AcknowledgeGap(in.Context(), gaps[0].ID, "it is known"))
			in.running.shows("it is known", func(s *scrape) bool { return s.max("spacekeeper_coverage_gaps", `state="impossible"`) == 0 })
		}
	}, []string{"CoverageGap"}, 6, 5},
	{"Chat refuses messages", func(in *installation) func() {
		in.SetChatFaults(func(c simulate.ChatCall) simulate.ChatFault {
			if c.Writes() {
				return simulate.ChatFault{Status: 403}
			}
			return simulate.ChatFault{}
		})
		for range 6 {
			in.join()
		}
		in.running.shows("runs fail", func(s *scrape) bool { return s.max("spacekeeper_reactors_runs_total", `outcome="failed"`) > 5 })
		return func() { in.SetChatFaults(nil) }
	}, []string{"RunsFailing"}, 1, 35},
	{"Chat is away", func(in *installation) func() {
		in.SetChatFaults(func(c simulate.ChatCall) simulate.ChatFault {
			if c.Writes() {
				return simulate.ChatFault{Status: 503}
			}
			return simulate.ChatFault{}
		})
		in.join()
		in.running.shows("a run waits", func(s *scrape) bool { return s.max("spacekeeper_reactors_pending_runs") == 1 })
		in.exec("UPDATE reactor_runs SET due_at = due_at - interval '6 minutes' WHERE outcome = 'pending'")
		in.running.shows("it is late", func(s *scrape) bool { return s.max("spacekeeper_reactors_oldest_due_seconds") > 300 })
		return func() {
			in.SetChatFaults(nil)
			in.exec("UPDATE reactor_runs SET due_at = due_at + interval '6 minutes' WHERE outcome = 'pending'")
			in.running.shows("it is done", func(s *scrape) bool { return s.max("spacekeeper_reactors_pending_runs") == 0 })
		}
	}, []string{"RunsLate"}, 6, 5},
	{"nobody takes jobs", func(in *installation) func() {
		in.exec(`INSERT INTO river_queue (name, updated_at) VALUES ('nobodys', now());
			INSERT INTO river_job (args, kind, max_attempts, queue, state, scheduled_at) VALUES ('{}', 'any', 3, 'nobodys', 'available', now() - interval '10 minutes')`)
		in.running.shows("a job is late", func(s *scrape) bool { return s.max("spacekeeper_jobs_oldest_due_seconds") > 300 })
		return func() {
			in.exec("DELETE FROM river_job WHERE queue = 'nobodys'; DELETE FROM river_queue WHERE name = 'nobodys'")
			in.running.shows("none is late", func(s *scrape) bool { return s.max("spacekeeper_jobs_oldest_due_seconds") < 60 })
		}
	}, []string{"QueueStuck"}, 6, 5},
	{"rollups can't be written", func(in *installation) func() {
		in.exec("ALTER TABLE rollup_activity RENAME TO elsewhere")
		items := in.running.scrape().max("spacekeeper_ingest_items_total")
		in.post()
		in.running.shows("what would change them is recorded", func(s *scrape) bool { return s.max("spacekeeper_ingest_items_total") > items })
		in.exec("UPDATE rollup_passes SET refreshed_at = now() - interval '20 minutes'") // time goes by
		behind := func(s *scrape) bool {
			return float64(time.Now().Unix())-s.max("spacekeeper_rollups_fresh_timestamp_seconds") > 900
		}
		in.running.shows("they are behind", behind)
		return func() {
			in.exec("ALTER TABLE elsewhere RENAME TO rollup_activity")
			in.running.shows("they are up to date", func(s *scrape) bool { return !behind(s) })
		}
	}, []string{"RollupBehind"}, 6, 5},
	{"nothing can be sealed", func(in *installation) func() {
		in.exec("ALTER TABLE proof_tiles RENAME TO elsewhere")
		items := in.running.scrape().max("spacekeeper_ingest_items_total")
		in.post()
		in.running.shows("what has to be sealed is recorded", func(s *scrape) bool { return s.max("spacekeeper_ingest_items_total") > items })
		in.exec("UPDATE proof_pending SET added_at = now() - interval '20 minutes'") // time goes by
		behind := func(s *scrape) bool { return s.max("spacekeeper_proof_oldest_pending_seconds") > 600 }
		in.running.shows("it isn't", behind)
		return func() {
			in.exec("ALTER TABLE elsewhere RENAME TO proof_tiles")
			in.running.shows("it is sealed", func(s *scrape) bool { return !behind(s) })
		}
	}, []string{"ProofBehind"}, 16, 5},
	{"months are missing", func(in *installation) func() {
		for n := range 4 {
			month := time.Now().UTC().AddDate(0, 0, 1-time.Now().UTC().Day()).AddDate(0, n, 0).Format("2006_01")
			in.exec("DROP TABLE events_" + month + "; DROP TABLE stored_messages_" + month)
		}
		soon := func(s *scrape) bool {
			return s.max("spacekeeper_partitions_end_timestamp_seconds")-float64(time.Now().Unix()) < 7*86400
		}
		in.running.shows("they are missing", soon)
		return func() {
			in.restart()
			in.running.shows("they are there", func(s *scrape) bool { return !soon(s) })
		}
	}, []string{"PartitionsMissing"}, 61, 5},
	{"somebody fills the disk", func(in *installation) func() {
		before := in.running.scrape().max("spacekeeper_database_bytes")
		in.exec("CREATE TABLE filler AS SELECT repeat(md5(n::text), 50) AS text FROM generate_series(1, 20000) AS n")
		in.running.shows("the database has grown", func(s *scrape) bool { return s.max("spacekeeper_database_bytes") > before+10e6 })
		return func() {
			in.exec("DROP TABLE filler")
			in.running.shows("it has shrunk", func(s *scrape) bool { return s.max("spacekeeper_database_bytes") < before+10e6 })
		}
	}, []string{"DiskGrowth"}, 120, 120},
}

// Each alert has a fault here that makes it fire within its time, on what a worker
// tells Prometheus, and no other alert; it ends once the fault is mended.
func TestFaults(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, f := range faults {
		for _, alert := range f.fires {
			tried["Spacekeeper"+alert] = true
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t)
			in.running.shows("all is watched", watched)
			in.join()
			in.running.shows("a welcome is sent", func(s *scrape) bool { return s.max("spacekeeper_reactors_runs_total", `outcome="sent"`) == 1 })
			in.running.shows("all is done", func(s *scrape) bool {
				return s.max("spacekeeper_reactors_pending_runs") == 0 && s.max("spacekeeper_coverage_gaps") == 0 && s.max("spacekeeper_rollups_fresh_timestamp_seconds") > 0
			})
			healthy := in.running.scrape()
			heal := f.inject(in)
			broken := in.running.scrape()
			heal()
			healed := in.running.scrape()

			s := newSeries(t)
			s.hold("worker", nil, healthy, 70)
			s.on(70)
			s.hold("worker", healthy, broken, f.within+1)
			s.on(f.within + 1)
			s.hold("worker", nil, healed, f.clears+1)
			var fires []string
			for _, alert := range f.fires {
				fires = append(fires, "Spacekeeper"+alert)
			}
			s.check(t, want{69, nil}, want{70 + f.within, fires}, want{70 + f.within + 1 + f.clears, nil})
		})
	}
	for _, r := range readRules(t) {
		if r.Alert != "" && !tried[r.Alert] {
			t.Errorf("no fault makes %s fire", r.Alert)
		}
	}
}

// In an hour of traffic with two workers, of which one is restarted, no alert fires.
func TestHealthyHour(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	second := in.start()
	in.running.shows("all is watched", watched)
	s := newSeries(t)
	var last [2]*scrape
	var minutes []want
	for minute := range 60 {
		in.post()
		if minute%7 == 0 {
			in.join()
		}
		switch minute {
		case 30:
			in.running.stop()
		case 32:
			in.running = in.start()
		}
		for n, r := range []*running{in.running, second} {
			last[n] = r.scrape()
			s.hold(fmt.Sprint("worker-", n), nil, last[n], 1)
		}
		s.on(1)
		minutes = append(minutes, want{minute, nil})
	}
	if last[0].max("spacekeeper_ingest_items_total")+last[1].max("spacekeeper_ingest_items_total") == 0 {
		t.Error("there was no traffic")
	}
	s.check(t, minutes...)
}

func watched(s *scrape) bool { return s.max("spacekeeper_subscriptions", `state="active"`) == 2 }

func (in *installation) must(err error) {
	in.Helper()
	if err != nil {
		in.Fatal(err)
	}
}

// post lets somebody write to the first space.
func (in *installation) post() {
	in.Helper()
	space := in.Spaces()[0].Name
	for _, member := range in.Members(space) {
		if member != in.App() {
			_, err := in.Post(space, member, "hello")
			in.must(err)
			return
		}
	}
	in.Fatal("nobody is in the space")
}

// late lets Pub/Sub's clock be so late while people write, so that what they write
// was published so long ago.
func (in *installation) late(by time.Duration) (heal func()) {
	in.Helper()
	before := in.running.scrape().max("spacekeeper_ingest_items_total")
	in.clock.move(-by)
	for range 30 {
		in.post()
	}
	in.running.shows("it is recorded", func(s *scrape) bool { return s.max("spacekeeper_ingest_items_total") >= before+30 })
	return func() { in.clock.move(by) }
}

// suspend lets Google suspend the first space's subscription.
func (in *installation) suspend() (mend func()) {
	in.Helper()
	subscription := in.SubscriptionTo(in.Spaces()[0].Name)
	in.must(in.Suspend(subscription, "ENDPOINT_PERMISSION_DENIED")) // which no event tells
	in.pass()
	out := func(s *scrape) bool {
		return s.max("spacekeeper_subscriptions", `state="suspended"`)+s.max("spacekeeper_subscriptions", `state="parked"`) == 1
	}
	in.running.shows("it is suspended", func(s *scrape) bool { return out(s) && s.max("spacekeeper_coverage_gaps", `state="open"`) == 1 })
	return func() {
		in.Helper()
		in.must(in.Mend(subscription))
		in.pass()
		in.running.shows("it is active", watched)
	}
}

func (in *installation) coverage() *coverage.Coverage {
	return coverage.New(storetest.Open(in.T, in.dsn, storetest.Options{MaxConns: 1}).Store)
}

// pass asks the keeper to look at the subscriptions soon.
func (in *installation) pass() {
	in.Helper()
	in.must(in.coverage().RequestPass(in.Context()))
}

func (in *installation) database() string {
	u, err := url.Parse(in.dsn)
	in.must(err)
	return strings.TrimPrefix(u.Path, "/")
}

// admin carries out a statement in another database of the server.
func (in *installation) admin(sql string) {
	in.Helper()
	conn, err := pgx.Connect(in.Context(), storetest.WithDatabase(in.dsn, "postgres"))
	in.must(err)
	defer conn.Close(in.Context())
	_, err = conn.Exec(in.Context(), sql)
	in.must(err)
}
