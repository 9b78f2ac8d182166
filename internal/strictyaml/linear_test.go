package strictyaml_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// A file may be a single line. To read it, and to say what is wrong at many places of
// it, takes memory in proportion to its length: it isn't taken apart again and again.
func TestLongLine(t *testing.T) { //nolint:paralleltest // it counts what is allocated
	bytesOf := func(items int) uint64 {
		src := strictyaml.NewSource("a.yaml", []byte("["+strings.Repeat(`{a: b, text: "c"}, `, items)+"]"))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var ms strictyaml.Mistakes
		top := ms.Read(src)
		for _, item := range top.Items {
			ms.At(item.At, "", "a mistake")
			ms.At(item.Child("text").Inside(1), "", "another")
		}
		runtime.ReadMemStats(&after)
		if len(ms.List) != 2*items {
			t.Fatalf("%d mistakes, want %d", len(ms.List), 2*items)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	bytesOf(100)
	few, many := bytesOf(200), bytesOf(1600)
	if many > 12*few {
		t.Errorf("eight times the items take %.1f times the memory (%d and %d bytes)", float64(many)/float64(few), few, many)
	}
}
