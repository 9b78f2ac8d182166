package simulate

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/api/chat/v1"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

const (
	stateJoined  = "JOINED"
	stateInvited = "INVITED"
	stateNone    = "NOT_A_MEMBER"

	typeHuman = "HUMAN"
	typeBot   = "BOT"
)

// state is who and what there is. The Workspace's lock guards it.
type state struct {
	seed uint64
	now  func() time.Time
	last time.Time // of the newest change

	app        string
	users      map[string]*user // by "users/U", the app included
	userOrder  []string         // without the app
	spaces     map[string]*space
	spaceOrder []string
	made       map[string]int // how many ids of each kind have been made up
}

type user struct {
	name        string // "users/U"
	userType    string
	displayName string
	external    bool // of another organization
}

type space struct {
	name        string
	directFor   string // "users/U" whose direct message with the app it is; "" for a named space
	displayName string
	description string
	flat        bool // messages in it have no threads
	createTime  time.Time
	deleted     bool
	members     map[string]*membership // by "users/U"; changed by put and drop only
	joinedNow   []string               // sorted users of the joined members; nil if not known
	groups      map[string]*group      // Google Groups that are members, by the names of their memberships
	messages    map[string]*message    // by full name
	order       []*message             // by time of creation
	byClientID  map[string]*message
	byRequestID map[string]*message
	threads     map[string]bool   // by full name
	threadKeys  map[string]string // the app's thread keys → thread name
	past        []pastEvent       // of the last 28 days, oldest first
}

// group is a Google Group that is a member of a space.
type group struct {
	name   string // "groups/G"
	people []string
}

type membership struct {
	user  string
	state string
	role  string
	since time.Time // of this joining, or of the invitation that led to it
}

type message struct {
	name       string
	sender     string
	createTime time.Time
	updateTime time.Time // zero until edited
	deleteTime time.Time // zero unless deleted
	deletion   string    // deletionType
	swept      bool      // deleted along with the message that it replied to
	text       string
	cards      []*chat.CardWithId
	thread     string
	threadKey  string
	reply      bool
	clientID   string
	viewer     string // of a private message
	listed     int    // its place in the truth, from 1; 0 for people's
	reactions  map[string]*reaction
}

type reaction struct {
	name  string
	user  string
	emoji string
}

func (st *state) init(opts Options) {
	st.seed = opts.Seed
	st.now = opts.Now
	st.users = map[string]*user{}
	st.spaces = map[string]*space{}
	st.made = map[string]int{}
	if opts.App == "" {
		opts.App = st.userID("app")
	}
	st.app = "users/" + opts.App
	st.users[st.app] = &user{name: st.app, userType: typeBot, displayName: "Spacekeeper"}
}

// tick is the time of the next change: the clock's, cut to microseconds as
// Google's event times are, and always later than the last, since event ids
// are made of it.
func (st *state) tick() time.Time {
	t := st.now().UTC().Truncate(time.Microsecond)
	if !t.After(st.last) {
		t = st.last.Add(time.Microsecond)
	}
	st.last = t
	return t
}

// sum hashes the seed, the kind and how many of the kind there were before, so
// that one kind's ids don't depend on the others'.
func (st *state) sum(kind string) [sha256.Size]byte {
	n := st.made[kind]
	st.made[kind]++
	return sha256.Sum256(fmt.Appendf(nil, "%d/%s/%d", st.seed, kind, n))
}

// shortID has the form of space, thread and message ids: 11 URL-safe
// characters.
func (st *state) shortID(kind string) string {
	sum := st.sum(kind)
	return base64.RawURLEncoding.EncodeToString(sum[:8])
}

// userID has the form of people's ids: 21 digits that start with 1.
func (st *state) userID(kind string) string {
	sum := st.sum(kind)
	a := binary.BigEndian.Uint64(sum[:8]) % 1e10
	b := binary.BigEndian.Uint64(sum[8:16]) % 1e10
	return fmt.Sprintf("1%010d%010d", a, b)
}

func (st *state) addUser(userType string) *user {
	u := &user{
		name:        "users/" + st.userID("user"),
		userType:    userType,
		displayName: personName(st.seed, len(st.userOrder)),
	}
	if userType == typeBot {
		u.displayName = fmt.Sprintf("Helper %d", len(st.userOrder))
	}
	st.users[u.name] = u
	st.userOrder = append(st.userOrder, u.name)
	return u
}

// displayNames tells what those of the spaces and people are called that have a name.
func (st *state) displayNames(of map[string]bool) map[string]string {
	names := map[string]string{}
	for name := range of {
		switch {
		case st.users[name] != nil:
			names[name] = st.users[name].displayName
		case st.spaces[name] != nil && st.spaces[name].displayName != "":
			names[name] = st.spaces[name].displayName
		}
	}
	return names
}

func (st *state) addSpace(displayName string) *space {
	if displayName == "" {
		displayName = spaceTitle(st.seed, len(st.spaceOrder))
	}
	s := &space{
		name:        "spaces/AAQA" + st.shortID("space")[:7],
		displayName: displayName,
		description: "What concerns " + displayName,
		createTime:  st.tick(),
		members:     map[string]*membership{},
		groups:      map[string]*group{},
		messages:    map[string]*message{},
		byClientID:  map[string]*message{},
		byRequestID: map[string]*message{},
		threads:     map[string]bool{},
		threadKeys:  map[string]string{},
	}
	st.spaces[s.name] = s
	st.spaceOrder = append(st.spaceOrder, s.name)
	return s
}

func (st *state) membership(user, memberState string, since time.Time) *membership {
	return &membership{user, memberState, "ROLE_MEMBER", since}
}

// threading is how the Chat API says whether there are threads.
func (s *space) threading() string {
	if s.flat {
		return "UNTHREADED_MESSAGES"
	}
	return "THREADED_MESSAGES"
}

// affiliation is what the Chat API tells of whom somebody works for.
func (u *user) affiliation() string {
	if u.external {
		return "EXTERNAL"
	}
	return "INTERNAL"
}

// known says which of the users there isn't.
func (st *state) known(users ...string) error {
	for _, u := range users {
		if st.users[u] == nil {
			return fmt.Errorf("there is no user %q", u)
		}
	}
	return nil
}

// liveSpace finds a space that exists.
func (st *state) liveSpace(name string) (*space, error) {
	s := st.spaces[name]
	if s == nil || s.deleted {
		return nil, fmt.Errorf("there is no space %q", name)
	}
	return s, nil
}

// liveMessage finds a message that isn't deleted, and its space.
func (st *state) liveMessage(name string) (*space, *message, error) {
	s, err := st.liveSpace(events.SpaceOf(name))
	if err != nil {
		return nil, nil, err
	}
	m := s.messages[name]
	if m == nil || !m.deleteTime.IsZero() {
		return nil, nil, fmt.Errorf("there is no message %q", name)
	}
	return s, m, nil
}

func (s *space) isJoined(user string) bool {
	m := s.members[user]
	return m != nil && m.state == stateJoined
}

// isIn reports whether the user may take part, as a member or through a group.
func (s *space) isIn(user string) bool {
	inGroup := func(g *group) bool { return slices.Contains(g.people, user) }
	return s.isJoined(user) || slices.ContainsFunc(slices.Collect(maps.Values(s.groups)), inGroup)
}

// put adds the membership, or tells that its state has changed.
func (s *space) put(m *membership) {
	s.members[m.user] = m
	s.joinedNow = nil
}

func (s *space) drop(user string) {
	delete(s.members, user)
	s.joinedNow = nil
}

// joined lists the joined members' users, sorted.
func (s *space) joined() []string {
	if s.joinedNow == nil {
		for user, m := range s.members {
			if m.state == stateJoined {
				s.joinedNow = append(s.joinedNow, user)
			}
		}
		slices.Sort(s.joinedNow)
	}
	return slices.Clone(s.joinedNow)
}
