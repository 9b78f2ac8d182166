package workload_test

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate/workload"
)

func TestEqualSeedsMakeEqualStreams(t *testing.T) {
	t.Parallel()
	o := workload.Options{Full: true, Duplicates: 0.1}
	a, b, other := workload.New(7, o), workload.New(7, o), workload.New(8, o)
	differs := false
	for range 2000 {
		m, n := a.Next(), b.Next()
		if string(m.Data) != string(n.Data) || !maps.Equal(m.Attributes, n.Attributes) || m.OrderingKey != n.OrderingKey {
			t.Fatalf("the same seed made\n%v %s\nand\n%v %s", m.Attributes, m.Data, n.Attributes, n.Data)
		}
		differs = differs || string(other.Next().Data) != string(m.Data)
	}
	if !differs {
		t.Error("another seed made the same stream")
	}
}

func TestEverythingDecodesAndIsCounted(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		g := workload.New(1, workload.Options{Spaces: 50, Users: 200, Full: full, Duplicates: 0.02})
		types := map[string]int{}
		seen := map[string]string{}
		subjects := map[string]bool{}
		var got workload.Counts
		var last time.Time
		for range 20_000 {
			m := g.Next()
			if !json.Valid(m.Data) {
				t.Fatalf("not JSON: %s", m.Data)
			}
			e, err := events.Decode(m.Attributes, m.Data)
			if err != nil {
				t.Fatalf("decode %v: %v\n%s", m.Attributes, err, m.Data)
			}
			if old, again := seen[e.ID]; again {
				got.Duplicates++
				if old != string(m.Data) {
					t.Fatalf("two events have the id %s", e.ID)
				}
				continue
			}
			seen[e.ID] = string(m.Data)
			got.Events++
			types[e.Type]++
			if !e.Time.After(last) || m.OrderingKey != e.Source {
				t.Fatalf("event at %v after %v, ordering key %q", e.Time, last, m.OrderingKey)
			}
			last = e.Time
			for _, it := range e.Items {
				if it.NamesOnly() || it.Space != e.Items[0].Space || "//chat.googleapis.com/"+it.Space != e.Subject {
					t.Fatalf("item %+v of %+v", it, e)
				}
				if it.Verb != events.VerbCreated {
					got.Changes++
					continue
				}
				switch it.Kind {
				case events.KindMessage:
					got.Messages++
					if !e.Batch && !it.Message.CreateTime.Equal(e.Time) {
						t.Fatalf("created at %v, event at %v", it.Message.CreateTime, e.Time)
					}
				case events.KindReaction:
					got.Reactions++
				case events.KindMembership:
					got.Joins++
				}
				if !full && subjects[it.Resource] {
					t.Fatalf("%s was created twice", it.Resource)
				}
				subjects[it.Resource] = true
			}
		}
		if diff := cmp.Diff(got, g.Counts()); diff != "" {
			t.Errorf("counts (-decoded +generator):\n%s", diff)
		}
		if want := map[bool]int{false: 3, true: 12}[full]; len(types) != want {
			t.Errorf("%d types, want %d: %v", len(types), want, types)
		}
		share := float64(got.Duplicates) / 20_000
		if share < 0.015 || share > 0.025 {
			t.Errorf("share of duplicates %.3f", share)
		}
	}
}

// The figures that the benchmarks rest on: sizes as measured on real events,
// and a text that compresses no better than real chat.
func TestSizesAndCompression(t *testing.T) {
	t.Parallel()
	g := workload.New(1, workload.Options{})
	sizes, counts := map[string]int{}, map[string]int{}
	var texts, all []byte
	single := 0
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 20_000 {
		m := g.Next()
		kind := m.Attributes["ce-type"]
		sizes[kind] += len(m.Data)
		counts[kind]++
		all = append(all, m.Data...)
		single += len(encoder.EncodeAll(m.Data, nil))
		e, err := events.Decode(m.Attributes, m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if it := e.Items[0]; it.Message != nil {
			texts = append(texts, it.Message.Text...)
		}
	}
	text := float64(len(texts)) / float64(len(encoder.EncodeAll(texts, nil)))
	one := float64(len(all)) / float64(single)
	mean := func(kind string) int { return sizes[kind] / counts[kind] }
	message, reaction, membership := mean("google.workspace.chat.message.v1.created"),
		mean("google.workspace.chat.reaction.v1.created"), mean("google.workspace.chat.membership.v1.created")
	t.Logf("bytes: message %d, reaction %d, membership %d; zstd: texts together %.2f, events one by one %.2f, together %.2f",
		message, reaction, membership, text, one, float64(len(all))/float64(len(encoder.EncodeAll(all, nil))))
	if message < 1050 || message > 1250 {
		t.Errorf("a message has %d bytes, want about 1154", message)
	}
	if text < 1.8 || text > 2.8 {
		t.Errorf("the texts compress by %.2f, want what English chat does", text)
	}
	if n := counts["google.workspace.chat.message.v1.created"]; n < 16_500 || n > 17_500 {
		t.Errorf("%d of 20,000 are messages", n)
	}
}

func BenchmarkNext(b *testing.B) {
	g := workload.New(1, workload.Options{Duplicates: 0.02})
	for b.Loop() {
		g.Next()
	}
}
