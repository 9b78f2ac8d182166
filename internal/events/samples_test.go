package events

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files and docs/events.md")

// sample is a file of testdata/samples or testdata/malformed. The message's
// data is one of Data, Raw and Base64.
type sample struct {
	Name       string            `json:"-"`
	Shape      string            `json:"shape"`
	Reason     Reason            `json:"reason"`
	Offset     *int              `json:"offset"`
	Attributes map[string]string `json:"attributes"`
	Data       json.RawMessage   `json:"data"`
	Raw        string            `json:"raw"`
	Base64     string            `json:"base64"`
}

// bytes returns the data as it is on the wire.
func (s sample) bytes(t testing.TB) []byte {
	t.Helper()
	switch {
	case s.Data != nil:
		var wire bytes.Buffer
		if err := json.Compact(&wire, s.Data); err != nil {
			t.Fatalf("compact the data of %s: %v", s.Name, err)
		}
		return wire.Bytes()
	case s.Base64 != "":
		data, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil {
			t.Fatalf("decode the data of %s: %v", s.Name, err)
		}
		return data
	default:
		return []byte(s.Raw)
	}
}

func samples(t testing.TB, folder string) []sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	for _, file := range files {
		if strings.HasSuffix(file, ".golden.json") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := sample{Name: strings.TrimSuffix(filepath.Base(file), ".json")}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&s); err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		t.Fatalf("no samples in testdata/%s", folder)
	}
	return all
}

func loadSample(t testing.TB, name string) sample {
	t.Helper()
	for _, s := range samples(t, "samples") {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no sample %q", name)
	return sample{}
}

func TestSamples(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t, "samples") {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			if s.Shape == "" {
				t.Error("the sample has no shape, which docs/events.md names it by")
			}
			ev, bad := Decode(s.Attributes, s.bytes(t))
			if bad != nil {
				t.Fatalf("Decode: %v", bad)
			}
			var text bytes.Buffer
			encoder := json.NewEncoder(&text)
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", "  ")
			if err := encoder.Encode(ev); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "samples", s.Name+".golden.json")
			if *update {
				if err := os.WriteFile(golden, text.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v (run with -update)", err)
			}
			if diff := cmp.Diff(string(want), text.String()); diff != "" {
				t.Errorf("decoded event (-want +got):\n%s", diff)
			}
		})
	}
}

// Every documented type has a sample, and every sample of a Chat or lifecycle
// type that isn't named unknown is of a documented one.
func TestSamplesCoverEveryType(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for name := range typesByName {
		want[name] = true
	}
	got := map[string]bool{}
	for _, s := range samples(t, "samples") {
		ceType := s.Attributes["ce-type"]
		if ceType == "" || strings.HasPrefix(s.Name, "unknown_") {
			continue
		}
		got[ceType] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types that have a sample (-want +got):\n%s", diff)
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t, "malformed") {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			ev, bad := Decode(s.Attributes, s.bytes(t))
			if bad == nil {
				t.Fatalf("Decode accepted it: %+v", ev)
			}
			if ev != nil {
				t.Errorf("Decode returned an event beside %v", bad)
			}
			if bad.Reason != s.Reason {
				t.Errorf("got reason %s, want %s (%v)", bad.Reason, s.Reason, bad)
			}
			if s.Offset != nil && bad.Offset != *s.Offset {
				t.Errorf("got offset %d, want %d (%v)", bad.Offset, *s.Offset, bad)
			}
			if bad.Detail == "" {
				t.Error("no detail")
			}
		})
	}
}
