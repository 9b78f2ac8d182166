package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/workload"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Row P2: every event five times, in random order, to two workers.
func TestFiveCopiesInRandomOrder(t *testing.T) {
	t.Parallel()
	events := scaled(2_000, 100_000)
	env := newEnvironment(t, simulate.Options{Seed: 10, Spaces: 1, Users: 1})
	g := workload.New(10, workload.Options{Full: true, Start: time.Now().Add(-time.Hour), Interval: time.Millisecond, Spaces: 100, Users: 500})
	var copies []*pubsubpb.PubsubMessage
	for range events {
		m := g.Next()
		for range 5 {
			copies = append(copies, &pubsubpb.PubsubMessage{Attributes: m.Attributes, Data: m.Data, OrderingKey: m.OrderingKey})
		}
	}
	rng := rand.New(rand.NewPCG(10, 10))
	rng.Shuffle(len(copies), func(i, j int) { copies[i], copies[j] = copies[j], copies[i] })
	if _, err := env.Broker().Publish(env.topic, copies...); err != nil {
		t.Fatal(err)
	}
	// Joins of an hour ago are too old for a welcome at the usual limit.
	env.startWorker(t, rulesSetting(t, ""))
	env.startWorker(t, rulesSetting(t, ""))
	if err := env.Broker().WaitIdle(t.Context(), env.subscription); err != nil {
		t.Fatal(err)
	}

	c := g.Counts()
	items := c.Messages + c.Reactions + c.Joins + c.Changes
	for what, tt := range map[string]struct {
		sql  string
		want int
	}{
		"events":              {`SELECT count(DISTINCT ce_id) FROM event_log`, c.Events},
		"rows":                {`SELECT count(*) FROM event_log`, items},
		"quarantined":         {`SELECT count(*) FROM quarantine`, 0},
		"event ids with rows": {`SELECT count(*) FROM (SELECT event_key, ordinal FROM events GROUP BY 1, 2 HAVING count(*) > 1) d`, 0},
	} {
		if got := env.query(t, tt.sql); got != tt.want {
			t.Errorf("%s = %d, want %d", what, got, tt.want)
		}
	}
	if s := env.stats(t); s.Acked != int64(len(copies)) || s.Nacked != 0 {
		t.Errorf("acked %d, nacked %d, want %d and 0", s.Acked, s.Nacked, len(copies))
	}
}

// Row P6: a backlog of messages near Pub/Sub's size limit doesn't cost more
// memory than the limits allow.
func TestBigMessagesAreBounded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads the worker's memory from /proc")
	}
	if storetest.RaceDetector {
		t.Skip("the race detector takes memory of its own")
	}
	t.Parallel()
	const most = 512 << 20
	messages := scaled(60, 2_000)
	env := newEnvironment(t, simulate.Options{Seed: 11, Spaces: 1, Users: 1})
	padding := strings.Repeat("x", 9_900_000)
	m := workload.New(11, workload.Options{Start: time.Now().Add(-time.Minute)}).Next()
	data := []byte(string(m.Data[:len(m.Data)-1]) + `,"padding":"` + padding + `"}`)
	for i := range messages {
		big := &pubsubpb.PubsubMessage{Attributes: map[string]string{}, Data: data}
		proto.Merge(big, &pubsubpb.PubsubMessage{Attributes: m.Attributes})
		big.Attributes["ce-id"] = fmt.Sprintf("spaces/BIG/spaceEvents/%d", i)
		if _, err := env.Broker().Publish(env.topic, big); err != nil {
			t.Fatal(err)
		}
	}
	p := env.startWorker(t)
	if err := env.Broker().WaitIdle(t.Context(), env.subscription); err != nil {
		t.Fatal(err)
	}
	if got := env.query(t, `SELECT count(*) FROM events`); got != messages {
		t.Errorf("%d events recorded, want %d", got, messages)
	}
	rss := peakMemory(t, p.cmd.Process.Pid)
	t.Logf("peak memory %d MB, at most %d messages held", rss>>20, env.stats(t).MaxOutstanding)
	if rss > most {
		t.Errorf("the worker took %d MB, want at most %d", rss>>20, most>>20)
	}
}

// peakMemory reads the peak resident set size, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var kb int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	t.Fatal("no VmHWM in /proc")
	return 0
}
