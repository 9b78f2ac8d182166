package simulate

import (
	"errors"
	"fmt"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// Check returns everything that is wrong with the options of a command, and with
// the changes a second, by their flags.
func (o Options) Check(rate float64) error {
	var errs []error
	for _, a := range []struct{ flag, addr string }{
		{"chat-addr", o.Addrs.Chat}, {"workspace-events-addr", o.Addrs.WorkspaceEvents}, {"pubsub-addr", o.Addrs.PubSub},
	} {
		if !config.IsHostPort(a.addr) {
			errs = append(errs, fmt.Errorf("--%s %q: want host:port, such as 127.0.0.1:8811", a.flag, a.addr))
		}
	}
	if !(rate >= 0 && rate <= 10_000) { // nor what is no number
		errs = append(errs, fmt.Errorf("--rate %v: want 0 to 10000 changes a second, such as 1", rate))
	}
	if o.Spaces < 1 {
		errs = append(errs, fmt.Errorf("--spaces %d: want 1 or more, such as 3", o.Spaces))
	}
	if o.Users < 1 {
		errs = append(errs, fmt.Errorf("--people %d: want 1 or more, such as 20", o.Users))
	}
	return errors.Join(errs...)
}
