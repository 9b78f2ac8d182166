package expr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// someone stands for a person who can't be mentioned, nobody for an empty
// list.
const (
	someone = "someone"
	nobody  = "nobody"
)

// nothing stands for an empty list of messages, withoutText for what a message
// without words says.
const (
	nothing     = "none"
	withoutText = "(no text)"
)

var errNotText = errors.New("its value can't be written")

// written is a value that isn't a Mention as text.
func written(v ref.Val) (string, error) {
	switch v := v.(type) {
	case types.String:
		return string(v), nil
	case types.Bool:
		return strconv.FormatBool(bool(v)), nil
	case types.Int:
		return strconv.FormatInt(int64(v), 10), nil
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10), nil
	case types.Double:
		return strconv.FormatFloat(float64(v), 'f', -1, 64), nil
	case types.Timestamp:
		return v.UTC().Format(time.RFC3339), nil
	case types.Duration:
		return v.String(), nil
	}
	return "", errNotText
}

// mentions returns whom a Mention or a list of them names.
func mentions(v ref.Val) (list []reactors.Mention, ok bool, err error) {
	switch v := v.(type) {
	case *object:
		m, err := mentionIn(v)
		return []reactors.Mention{m}, err == nil, err
	case traits.Lister:
		for it := v.Iterator(); it.HasNext() == types.True; {
			m, err := mentionIn(it.Next())
			if err != nil {
				return nil, false, err
			}
			list = append(list, m)
		}
		return list, true, nil
	}
	return nil, false, nil
}

func mentionIn(v ref.Val) (reactors.Mention, error) {
	if o, ok := v.(*object); ok {
		if m, ok := o.v.(*reactors.Mention); ok {
			return *m, nil
		}
	}
	return reactors.Mention{}, errNotText
}

// mention writes one person.
func mention(m reactors.Mention, k kind) string {
	switch {
	case !events.IsMentionable(m.User):
		return someone
	case k == chat:
		return "<" + m.User + ">"
	}
	return m.User
}

// listed writes people: "A", "A, B and C", "A, B and 48 others".
func listed(people []reactors.Mention, k kind) string {
	const all, some = 3, 2 // up to three are all named, of more the first two
	if len(people) == 0 {
		return nobody
	}
	named := people
	if len(people) > all {
		named = people[:some]
	}
	var words []string
	for _, m := range named {
		words = append(words, mention(m, k))
	}
	if more := len(people) - len(named); more > 0 {
		words = append(words, fmt.Sprintf("%d others", more))
	}
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// inCard is what a card says instead of mentions; chosen reports that it is a
// name that a person has chosen.
func inCard(people []reactors.Mention, f *reactors.Facts) (text string, chosen bool) {
	switch {
	case len(people) == 0:
		return nobody, false
	case len(people) > 1:
		return fmt.Sprintf("%d people", len(people)), false
	case people[0].User == f.Member.Name && f.Member.DisplayName != "":
		return f.Member.DisplayName, true
	}
	for _, m := range f.Space.Week.TopMessages {
		if m.Author == people[0] && m.AuthorName != "" {
			return m.AuthorName, true
		}
	}
	return someone, false
}
