package expr

import (
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/letters"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
)

// How much of a value expressions see. Chat's own limits are lower (fact sheet
// §6.2: 32,000 bytes for a message), so that this cuts only what isn't from
// Chat; the cost that is estimated when a rule is loaded relies on it.
const (
	maxText   = 32 << 10
	maxString = 1 << 10

	// Lists hold the names of a group's members. These two are assumed, not
	// enforced: loops over longer ones are stopped at their cost.
	manyItems = 1000
	itemSize  = 100
)

// schema is what expressions can select, read off the cel and needs tags of
// reactors.Facts once. It is CEL's type provider and adapter, too: looking up
// fields by index instead of by name is what keeps evaluations short.
type schema struct {
	types.Provider
	types.Adapter
	roots   map[string]*field // variables but now
	structs map[string]*structType
	goTypes map[reflect.Type]*structType
}

// structType is a struct that isn't a value in rules, only its fields are.
type structType struct {
	name   string // as errors call it; with a space, so that no expression can name it
	cel    *types.Type
	fields map[string]*field
	order  []string
}

// field is a field of a struct, or a variable: a field of Facts.
type field struct {
	name   string
	cel    *types.Type
	needs  reactors.Needs // of it and what is in it
	untold reactors.Needs // the same, where the event doesn't tell
	sub    *structType    // nil unless it is a struct
	index  int
	max    int // bytes of a string that are seen

	words []string // all that it can be, besides ""; nil: anything
	bringers

	access *types.FieldType
}

// names of the structs in messages. They hold a space: an expression that
// could name a type could make a value of it, such as a mention of everybody.
var structNames = map[reflect.Type]string{
	reflect.TypeFor[reactors.EventFacts]():        "an event",
	reflect.TypeFor[reactors.SpaceFacts]():        "a space",
	reflect.TypeFor[reactors.WeekFacts]():         "a week",
	reflect.TypeFor[reactors.TopMessage]():        topName,
	reflect.TypeFor[reactors.MemberFacts]():       "a member",
	reflect.TypeFor[reactors.MessageFacts]():      "a message",
	reflect.TypeFor[reactors.ReactionFacts]():     "a reaction",
	reflect.TypeFor[reactors.CommandFacts]():      "a command",
	reflect.TypeFor[reactors.CardFacts]():         "a card",
	reflect.TypeFor[reactors.GoogleGroupFacts]():  "a Google Group",
	reflect.TypeFor[reactors.SubscriptionFacts](): "a subscription",
	reflect.TypeFor[reactors.GroupFacts]():        "a group",
	reflect.TypeFor[reactors.Mention]():           mentionName,
	reflect.TypeFor[reactors.Link]():              linkName,
}

const (
	mentionName = wording.Mention
	linkName    = "a link"
	topName     = "a top message"
)

func newSchema() (*schema, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("make CEL's type registry: %w", err)
	}
	s := &schema{
		Provider: registry,
		Adapter:  registry,
		structs:  map[string]*structType{},
		goTypes:  map[reflect.Type]*structType{},
	}
	facts, err := s.structOf(reflect.TypeFor[reactors.Facts](), "the facts")
	if err != nil {
		return nil, err
	}
	delete(s.structs, facts.name)
	s.roots = facts.fields
	return s, nil
}

func (s *schema) structOf(t reflect.Type, name string) (*structType, error) {
	if known, ok := s.goTypes[t]; ok {
		return known, nil
	}
	st := &structType{name: name, cel: types.NewObjectType(name), fields: map[string]*field{}}
	s.structs[name], s.goTypes[t] = st, st
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, ok := sf.Tag.Lookup("cel")
		if !ok {
			continue
		}
		f, err := s.fieldOf(sf, tag, i)
		if err != nil {
			return nil, err
		}
		st.fields[tag] = f
		st.order = append(st.order, tag)
	}
	return st, nil
}

func (s *schema) fieldOf(sf reflect.StructField, tag string, index int) (*field, error) {
	f := &field{name: tag, index: index, max: maxString}
	if tag == "text" {
		f.max = maxText
	}
	for tag, needs := range map[string]*reactors.Needs{"needs": &f.needs, "untold": &f.untold} {
		if need, ok := sf.Tag.Lookup(tag); ok {
			if *needs, ok = reactors.NeedNamed(need); !ok {
				return nil, fmt.Errorf("read the %s tag of %s: no state is called %q", tag, sf.Name, need)
			}
		}
	}
	f.words, f.bringers = reactors.WordsNamed(sf.Tag.Get("words")), bringersOf(sf)
	t := sf.Type
	switch {
	case t == reflect.TypeFor[reactors.Trigger]():
		f.cel, f.words = types.StringType, reactors.Words(reactors.Triggers())
	case t == reflect.TypeFor[time.Time]():
		f.cel = types.TimestampType
	case t.Kind() == reflect.String:
		f.cel = types.StringType
	case t.Kind() == reflect.Bool:
		f.cel = types.BoolType
	case t.Kind() == reflect.Int:
		f.cel = types.IntType
	case t == reflect.TypeFor[[]string]():
		f.cel = types.NewListType(types.StringType)
	case t == reflect.TypeFor[map[string]int]():
		f.cel = types.NewMapType(types.StringType, types.IntType)
	case t == reflect.TypeFor[map[string]string]():
		f.cel = types.NewMapType(types.StringType, types.StringType)
	case t.Kind() == reflect.Slice && structNames[t.Elem()] != "":
		m, err := s.structOf(t.Elem(), structNames[t.Elem()])
		if err != nil {
			return nil, err
		}
		f.cel = types.NewListType(m.cel)
	case structNames[t] != "":
		sub, err := s.structOf(t, structNames[t])
		if err != nil {
			return nil, err
		}
		f.cel, f.sub = sub.cel, sub
		for _, in := range sub.fields {
			f.needs |= in.needs
			f.untold |= in.untold
		}
	default:
		return nil, fmt.Errorf("read the type of %s: expressions know no %s", sf.Name, t)
	}
	f.access = &types.FieldType{
		Type:  f.cel,
		IsSet: func(target any) bool { return !reflect.Indirect(reflect.ValueOf(target)).Field(index).IsZero() },
		GetFrom: func(target any) (any, error) {
			return s.value(f, reflect.Indirect(reflect.ValueOf(target)).Field(index)), nil
		},
	}
	return f, nil
}

// value reads a field of facts.
func (s *schema) value(f *field, v reflect.Value) any {
	switch f.cel {
	case types.StringType:
		return types.String(clip(v.String(), f.max))
	case types.BoolType:
		return types.Bool(v.Bool())
	case types.IntType:
		return types.Int(v.Int())
	case types.TimestampType:
		return types.Timestamp{Time: v.Interface().(time.Time)}
	}
	switch {
	case f.sub != nil:
		return v.Addr().Interface()
	case f.cel.Kind() == types.MapKind:
		return s.mapOf(v.Interface())
	}
	return types.NewDynamicList(s, v.Interface())
}

// forgiving is a map in which what it doesn't hold is 0 or "": a rule that asks
// for the fifth 👍 must not fail at a message that has none.
type forgiving struct {
	traits.Mapper
	none ref.Val
	key  func(string) string
}

func (s *schema) mapOf(v any) ref.Val {
	switch m := v.(type) {
	case map[string]int: // by emoji
		folded := make(map[string]int, len(m))
		for emoji, n := range m {
			folded[letters.BaseEmoji(emoji)] += n
		}
		return forgiving{types.NewDynamicMap(s, folded), types.IntZero, letters.BaseEmoji}
	default:
		return forgiving{types.NewDynamicMap(s, v), types.String(""), func(key string) string { return key }}
	}
}

// Find implements traits.Mapper.
func (m forgiving) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	if v, ok := m.Mapper.Find(types.String(m.key(string(name)))); ok {
		return v, true
	}
	return m.none, true
}

// Get implements traits.Indexer.
func (m forgiving) Get(key ref.Val) ref.Val {
	if v, ok := m.Find(key); ok {
		return v
	}
	return types.NewErr("no such key")
}

// Contains implements traits.Container.
func (m forgiving) Contains(key ref.Val) ref.Val {
	if name, ok := key.(types.String); ok {
		return m.Mapper.Contains(types.String(m.key(string(name))))
	}
	return types.False
}

// clip returns the first maxLen bytes of s, or a little less: whole characters.
func clip(s string, maxLen int) string {
	if len(s) <= maxLen {
		return s
	}
	for maxLen > 0 && !utf8.RuneStart(s[maxLen]) {
		maxLen--
	}
	return s[:maxLen]
}

// NativeToValue implements types.Adapter.
func (s *schema) NativeToValue(v any) ref.Val {
	if v, ok := v.(ref.Val); ok {
		return v
	}
	if t := reflect.TypeOf(v); t != nil {
		if st, ok := s.goTypes[t]; ok { // an element of a list
			p := reflect.New(t)
			p.Elem().Set(reflect.ValueOf(v))
			return &object{st, p.Interface()}
		}
		if t.Kind() == reflect.Pointer && s.goTypes[t.Elem()] != nil {
			return &object{s.goTypes[t.Elem()], v}
		}
	}
	return s.Adapter.NativeToValue(v)
}

// FindStructType implements types.Provider.
func (s *schema) FindStructType(name string) (*types.Type, bool) {
	if st, ok := s.structs[name]; ok {
		return types.NewTypeTypeWithParam(st.cel), true
	}
	return s.Provider.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (s *schema) FindStructFieldNames(name string) ([]string, bool) {
	if st, ok := s.structs[name]; ok {
		return st.order, true
	}
	return s.Provider.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (s *schema) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	if st, ok := s.structs[name]; ok {
		if f, ok := st.fields[fieldName]; ok {
			return f.access, true
		}
		return nil, false
	}
	return s.Provider.FindStructFieldType(name, fieldName)
}

// NewValue implements types.Provider. Expressions make no structs.
func (s *schema) NewValue(string, map[string]ref.Val) ref.Val {
	return types.NewErr("values of this type can't be made")
}

// object is a struct as CEL sees it, where it isn't merely on the way to a
// field.
type object struct {
	t *structType
	v any // pointer to the struct
}

var _ traits.Indexer = (*object)(nil)

func (o *object) Type() ref.Type { return o.t.cel }
func (o *object) Value() any     { return o.v }

func (o *object) Equal(other ref.Val) ref.Val {
	p, ok := other.(*object)
	if !ok || p.t != o.t {
		return types.False
	}
	return types.Bool(reflect.DeepEqual(o.v, p.v))
}

func (o *object) Get(index ref.Val) ref.Val {
	name, _ := index.(types.String)
	f, ok := o.t.fields[string(name)]
	if !ok {
		return types.NewErr("no such field")
	}
	v, _ := f.access.GetFrom(o.v)
	if v, ok := v.(ref.Val); ok {
		return v
	}
	return &object{f.sub, v}
}

func (o *object) ConvertToNative(t reflect.Type) (any, error) {
	if reflect.TypeOf(o.v).AssignableTo(t) {
		return o.v, nil
	}
	return nil, fmt.Errorf("convert %s to %s: not supported", o.t.name, t)
}

func (o *object) ConvertToType(t ref.Type) ref.Val {
	switch {
	case t == types.TypeType:
		return o.t.cel
	case t.TypeName() == o.t.name:
		return o
	}
	return types.NewErr("no such conversion")
}
