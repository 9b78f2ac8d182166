package audit

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/cli"
)

const (
	idTime  = 14 // hexadecimal digits of a record's time, with which its id begins
	idShown = 22 // of an id in a table: enough to tell it from others of its microsecond
)

var errNoContent = cli.WrongConfiguration("this role may not read what messages say, nor search it: make it a member of spacekeeper_content")

// timeOf is the time of a record, by the begin of its id.
func timeOf(id string) (time.Time, bool) {
	if len(id) <= idTime {
		return time.Time{}, false
	}
	micros, err := strconv.ParseInt(id[:idTime], 16, 64)
	return time.UnixMicro(micros).UTC(), err == nil
}

func wrongID(what, id string) error {
	return cli.Usage("%s %q is no id of a record: audit search shows them, such as 0005f3a1b2c3d4e3f", what, id)
}

// hide takes away what messages say.
func hide(list []query.Record) {
	for i := range list {
		for _, state := range []*json.RawMessage{&list[i].Prior, &list[i].Resulting} {
			var fields map[string]json.RawMessage
			if json.Unmarshal(*state, &fields) != nil || fields["text"] == nil {
				continue
			}
			delete(fields, "text")
			if text, err := json.Marshal(fields); err == nil {
				*state = text
			}
		}
	}
}
