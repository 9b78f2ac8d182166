package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// BenchmarkJoinToWelcomeBesideModules is row S6: what modules that do their
// worst do to the welcomes of others. In other spaces people post 20 messages a
// second, each of which three rules hand to a module. First the modules are
// innocent, then they are an endless loop, a memory bomb and an output bomb; so
// that the ratio tells of hostility, not of load.
func BenchmarkJoinToWelcomeBesideModules(b *testing.B) {
	innocent := neighbour{innocentModule(), "the module asked for nothing"}
	var fair float64 // p99
	b.Run("innocent", func(b *testing.B) { fair = besideModules(b, innocent, innocent, innocent) })
	b.Run("hostile", func(b *testing.B) {
		p99 := besideModules(b,
			neighbour{endlessLoop(), "it took longer than 100ms"},
			neighbour{memoryBomb(), "it took longer than 100ms"},
			neighbour{outputBomb(), "it answered with 13107200 bytes"})
		b.ReportMetric(p99/fair, "p99-ratio")
	})
}

// neighbour is a module that others run beside.
type neighbour struct {
	module []byte
	reason string // of its runs' ends: of some at least, so that it has done what it is there for
}

// besideModules measures welcomes, and returns the p99.
func besideModules(b *testing.B, modules ...neighbour) (p99 float64) {
	const talking = 10
	env := newEnvironment(b, simulate.Options{Seed: 18, Spaces: quietSpaces(b.N) + talking, Users: 4})
	dir, rules := b.TempDir(), welcome
	for i, m := range modules {
		path := filepath.Join(dir, fmt.Sprintf("%d.wasm", i))
		if err := os.WriteFile(path, m.module, 0o600); err != nil {
			b.Fatal(err)
		}
		rules += fmt.Sprintf("  - id: module-%d\n    mode: live\n    on: message.created\n    do:\n      - exec: { module: %q }\n", i, path)
	}
	env.startWorker(b, rulesSetting(b, rules))
	quiet, loud := env.Spaces()[talking:], env.Spaces()[:talking]
	env.greetFirst(b, quiet)

	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		env.chatter(b, loud, stop)
	}()
	b.ResetTimer()
	took := env.greet(b, quiet, b.N)
	b.StopTimer()
	close(stop)
	<-stopped

	for i, m := range modules {
		id := fmt.Sprintf("module-%d", i)
		eventually(b, 60*time.Second, id+" is run", func() bool {
			var n int
			if err := env.db.Pool().QueryRow(b.Context(), `
				SELECT count(*)
				FROM reactor_runs
				WHERE reactor = $1 AND strpos(reason, $2) > 0`, id, m.reason).Scan(&n); err != nil {
				b.Fatal(err)
			}
			return n > 0
		})
	}
	for share, unit := range map[float64]string{0.5: "p50-ms", 0.95: "p95-ms", 0.99: "p99-ms"} {
		b.ReportMetric(quantile(took, share), unit)
	}
	return quantile(took, 0.99)
}

// chatter posts 20 messages a second until stop is closed.
func (env *environment) chatter(b *testing.B, spaces []simulate.SpaceInfo, stop <-chan struct{}) {
	tick := time.NewTicker(time.Second / 20)
	defer tick.Stop()
	for i := 0; ; i++ {
		space := spaces[i%len(spaces)].Name
		people := slices.DeleteFunc(env.Members(space), func(u string) bool { return u == env.App() })
		if _, err := env.Post(space, people[0], "Anything new?"); err != nil {
			b.Error(err)
			return
		}
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

// answer is what each module has at the front of its memory.
const answer = `{"do":[]}`

func innocentModule() []byte { return moduleOf("\x42" + "\x09") } // i64.const 0<<32 | 9

func endlessLoop() []byte { return moduleOf("\x03\x40" + "\x0c\x00" + "\x0b\x00") } // loop; br 0; end; unreachable

// memoryBomb takes page after page, and writes.
func memoryBomb() []byte {
	return moduleOf("\x03\x40" + // loop
		"\x41\x01\x40\x00\x1a" + // i32.const 1; memory.grow; drop
		"\x41\x00\x41\x07\x36\x02\x00" + // i32.const 0; i32.const 7; i32.store
		"\x0c\x00" + "\x0b\x00") // br 0; end; unreachable
}

// outputBomb has 200 pages, and answers with all of them.
func outputBomb() []byte {
	return []byte(strings.Replace(string(moduleOf("\x42\x80\x80\xa0\x06")), "\x05\x03\x01\x00\x01", "\x05\x04\x01\x00\xc8\x01", 1))
}

// moduleOf assembles a module whose react has this code. Nothing in it is as
// long as 128 bytes.
func moduleOf(react string) []byte {
	sized := func(s string) string { return string(rune(len(s))) + s }
	section := func(id, content string) string { return id + sized(content) }
	return []byte("\x00asm\x01\x00\x00\x00" +
		section("\x01", "\x02"+"\x60\x01\x7f\x01\x7f"+"\x60\x02\x7f\x7f\x01\x7e") + // types: alloc (i32) i32, react (i32, i32) i64
		section("\x03", "\x02\x00\x01") + // functions
		section("\x05", "\x01\x00\x01") + // a memory of 1 page or more
		section("\x07", "\x03"+sized("memory")+"\x02\x00"+sized("alloc")+"\x00\x00"+sized("react")+"\x00\x01") + // exports
		section("\x0a", "\x02"+sized("\x00\x41\x80\x08\x0b")+sized("\x00"+react+"\x0b")) + // code: alloc returns 1024
		section("\x0b", "\x01\x00\x41\x00\x0b"+sized(answer))) // data: the answer at 0
}
