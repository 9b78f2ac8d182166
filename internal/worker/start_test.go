package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// While the rules are read, which may take long, the process is worth keeping and
// says that it is not ready.
func TestHealthIsAnsweredWhileRulesAreRead(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "reactors.yaml")
	if err := os.WriteFile(file, []byte("reactors: []"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Project, cfg.PubSub.Subscription = "p", "s"
	cfg.Database.DSN, cfg.Endpoints.PubSubEmulator, cfg.Endpoints.Chat = "postgres://nobody@127.0.0.1:1/none", "127.0.0.1:1", "http://127.0.0.1:1"
	cfg.Endpoints.WorkspaceEvents = "http://127.0.0.1:1"
	cfg.Reactors.File, cfg.Health.Addr = file, "127.0.0.1:0"
	addr, asked := "", false
	log := zaptest.NewLogger(t, zaptest.WrapOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return watchedCore{core, func(e zapcore.Entry, fields []zapcore.Field) {
			switch e.Message {
			case "answering health checks":
				addr = fields[0].Interface.(interface{ String() string }).String()
			case "rules are in force":
				asked = true
				if answer, err := CheckHealth(t.Context(), addr, true); err != nil {
					t.Errorf("while the rules are read: %q, %v", answer, err)
				}
				if _, err := CheckHealth(t.Context(), addr, false); err == nil || !strings.Contains(err.Error(), "starting") {
					t.Errorf("ready while the rules are read: %v", err)
				}
			}
		}}
	})))
	w, err := New(t.Context(), cfg, log, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if !asked {
		t.Error("nothing was asked: this test shows nothing")
	}
}

// watchedCore calls seen with each entry, while its writer waits.
type watchedCore struct {
	zapcore.Core
	seen func(zapcore.Entry, []zapcore.Field)
}

func (c watchedCore) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return to.AddCore(e, c)
}

func (c watchedCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	c.seen(e, fields)
	return c.Core.Write(e, fields)
}
