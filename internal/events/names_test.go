package events

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		function string
		of       func(string) string
		name     string
		want     string
	}{
		{"SpaceOf", SpaceOf, "spaces/S", "spaces/S"},
		{"SpaceOf", SpaceOf, "spaces/S/messages/M", "spaces/S"},
		{"SpaceOf", SpaceOf, "spaces/S/messages/M/reactions/R", "spaces/S"},
		{"SpaceOf", SpaceOf, "spaces/S/members/1", "spaces/S"},
		{"SpaceOf", SpaceOf, "spaces/S/spaceEvents/E", "spaces/S"},
		{"SpaceOf", SpaceOf, "users/1/spaces/S/spaceReadState", "spaces/S"},
		{"SpaceOf", SpaceOf, "//chat.googleapis.com/spaces/S", "spaces/S"},
		{"SpaceOf", SpaceOf, "//chat.googleapis.com/spaces/-", ""},
		{"SpaceOf", SpaceOf, "//cloudidentity.googleapis.com/users/1", ""},
		{"SpaceOf", SpaceOf, "users/1/availability", ""},
		{"SpaceOf", SpaceOf, "spaces/", ""},
		{"SpaceOf", SpaceOf, "spaces//messages/M", ""},
		{"SpaceOf", SpaceOf, "spaces", ""},
		{"SpaceOf", SpaceOf, "spaces/a b", ""},
		{"SpaceOf", SpaceOf, "", ""},
		{"UserOf", UserOf, "users/1", "users/1"},
		{"UserOf", UserOf, "users/1/spaces/S/spaceReadState", "users/1"},
		{"UserOf", UserOf, "spaces/S/members/1", ""},
		{"UserOf", UserOf, "users/", ""},
		{"MemberUser", MemberUser, "spaces/S/members/1", "users/1"},
		{"MemberUser", MemberUser, "spaces/S/members/group-01eg", ""},
		{"MemberUser", MemberUser, "spaces/S/members/01eg", ""},
		{"MemberUser", MemberUser, "spaces/S/members/", ""},
		{"MemberUser", MemberUser, "spaces/S/members/1/x", ""},
		{"MemberUser", MemberUser, "spaces/S/messages/1", ""},
		{"MemberUser", MemberUser, "spaces/S", ""},
		{"MemberUser", MemberUser, "/members/1", ""},
		{"MessageOf", MessageOf, "spaces/S/messages/M", "spaces/S/messages/M"},
		{"MessageOf", MessageOf, "spaces/S/messages/M.N/reactions/R", "spaces/S/messages/M.N"},
		{"MessageOf", MessageOf, "spaces/S/messages/", ""},
		{"MessageOf", MessageOf, "spaces/S/members/1", ""},
		{"MessageOf", MessageOf, "messages/M", ""},
		{"SubscriptionName", SubscriptionName, "//workspaceevents.googleapis.com/subscriptions/S", "subscriptions/S"},
		{"SubscriptionName", SubscriptionName, "//workspaceevents.googleapis.com/subscriptions/", ""},
		{"SubscriptionName", SubscriptionName, "//workspaceevents.googleapis.com/subscriptions/S/x", ""},
		{"SubscriptionName", SubscriptionName, "subscriptions/S", ""},
	} {
		if got := c.of(c.name); got != c.want {
			t.Errorf("%s(%q): got %q, want %q", c.function, c.name, got, c.want)
		}
	}
}

// Each form takes a name or doesn't. The stricter ones are for what people write.
func TestForms(t *testing.T) {
	t.Parallel()
	digits, letters := strings.Repeat("1", 31), strings.Repeat("a", 57)
	for _, c := range []struct {
		function string
		is       func(string) bool
		yes, no  []string
	}{
		{"IsSpace", IsSpace, []string{"spaces/S", "spaces/a.b"}, []string{"", AllSpaces, "spaces/", "spaces/S/messages/M", "spaces/a b", "users/1"}},
		{"IsUser", IsUser, []string{"users/1", "users/a@b.c", "users/app"}, []string{"", "users/", "users/1/x", "spaces/S"}},
		{"IsMessage", IsMessage, []string{"spaces/S/messages/M.M", "spaces/S/messages/client-x"}, []string{"", "spaces/S", "spaces/S/messages/M/reactions/R"}},
		{"IsSubscription", IsSubscription, []string{"subscriptions/S"}, []string{"", "subscriptions/", "subscriptions/S/x", "spaces/S"}},
		{"IsClientID", IsClientID, []string{"client-a", "client-0-9", "client-" + letters[1:]}, []string{"", "client-", "client-A", "client-a_b", "x", "client-" + letters}},
		{"IsWrittenSpace", IsWrittenSpace, []string{"spaces/aZ0_-", AllSpaces}, []string{"", "spaces/", "spaces/a.b", "spaces/a/b", "spaces/a\n", "xspaces/a"}},
		{"IsWrittenUser", IsWrittenUser, []string{"users/1", "users/a_b-c@d.e"}, []string{"", "users/", "users/a b", "users/a>"}},
		{"IsMentionable", IsMentionable, []string{"users/1", "users/a.b"}, []string{"", "users/", "users/a@b.c", "users/all", "users/ALL", "users/1>"}},
		{"IsAccount", IsAccount, []string{"users/1", "users/" + digits[1:]}, []string{"", "users/", "users/me", "users/" + digits}},
		{
			"IsCustomer", IsCustomer, []string{"customers/my_customer", "customers/C01abc", "customers/C" + digits[1:]},
			[]string{"", "customers/", "customers/C", "customers/other", "customers/C_", "customers/C" + digits},
		},
	} {
		for _, name := range c.yes {
			if !c.is(name) {
				t.Errorf("%s(%q): got false", c.function, name)
			}
		}
		for _, name := range c.no {
			if c.is(name) {
				t.Errorf("%s(%q): got true", c.function, name)
			}
		}
	}
	if got := MemberName("spaces/S", "users/1"); got != "spaces/S/members/1" || MemberUser(got) != "users/1" {
		t.Errorf("MemberName: got %q", got)
	}
}

// Whatever Chat could take for a mention is found, written as it is.
func TestMentioned(t *testing.T) {
	t.Parallel()
	got := Mentioned("<users/1> < users/all>, <USERS/2|x> <https://example.com/users/3> users/4")
	if want := []string{"users/1", "users/all", "USERS/2"}; !slices.Equal(got, want) {
		t.Errorf("Mentioned: got %q, want %q", got, want)
	}
}

// The schema and the check of a rule's spaces take the same.
func FuzzSpacePattern(f *testing.F) {
	pattern, ofUser := regexp.MustCompile(SpacePattern), regexp.MustCompile(UserPattern)
	for _, seed := range []string{"spaces/AAQA_-", "spaces/-", "spaces/", "spaces/a\n", "spaces/é", "users/1", "users/a@b-c.de"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if got, want := IsWrittenSpace(name), pattern.MatchString(name); got != want {
			t.Errorf("IsWrittenSpace(%q): got %t, the pattern says %t", name, got, want)
		}
		if got, want := IsWrittenUser(name), ofUser.MatchString(name); got != want {
			t.Errorf("IsWrittenUser(%q): got %t, the pattern says %t", name, got, want)
		}
	})
}

func TestValidName(t *testing.T) {
	t.Parallel()
	// One name of each kind: each is valid for its own kind only.
	names := map[Kind]string{
		KindMessage:      "spaces/S/messages/M",
		KindMembership:   "spaces/S/members/1",
		KindReaction:     "spaces/S/messages/M/reactions/1.ab/cd+ef",
		KindSpace:        "spaces/S",
		KindSubscription: "subscriptions/S",
		KindAvailability: "users/1/availability",
	}
	for kind := range names {
		for of, name := range names {
			if got, want := validName(kind, name), kind == of; got != want {
				t.Errorf("validName(%s, %q): got %t, want %t", kind, name, got, want)
			}
			if validName(kind, name+"\n") {
				t.Errorf("validName(%s, %q with a line break): got true", kind, name)
			}
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{
		"spaces/S", "spaces/S/messages/M/reactions/R", "spaces/S/members/1", "users/1/spaces/S/spaceReadState",
		"//chat.googleapis.com/spaces/S", "//workspaceevents.googleapis.com/subscriptions/S", "spaces/-", "", "/", "spaces//",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		// What is found is a name itself, of its own kind, and a part of the input.
		if space := SpaceOf(name); space != "" && (!validName(KindSpace, space) || !strings.Contains(name, space)) {
			t.Errorf("SpaceOf(%q): got %q", name, space)
		}
		if user := UserOf(name); user != "" && (UserOf(user) != user || !strings.HasPrefix(name, user)) {
			t.Errorf("UserOf(%q): got %q", name, user)
		}
		if user := MemberUser(name); user != "" {
			if SpaceOf(name) == "" && !strings.HasPrefix(name, "spaces/-/") || name != name[:strings.Index(name, "/members/")]+"/members/"+user[len("users/"):] {
				t.Errorf("MemberUser(%q): got %q", name, user)
			}
		}
		if message := MessageOf(name); message != "" && (!validName(KindMessage, message) || !strings.HasPrefix(name, message)) {
			t.Errorf("MessageOf(%q): got %q", name, message)
		}
		if sub := SubscriptionName(name); sub != "" && (!validName(KindSubscription, sub) || !strings.HasSuffix(name, sub)) {
			t.Errorf("SubscriptionName(%q): got %q", name, sub)
		}
	})
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want string // "" if refused
	}{
		{"2026-01-03T02:18:12Z", "2026-01-03T02:18:12Z"},
		{"2026-01-03T02:18:12.1Z", "2026-01-03T02:18:12.1Z"},
		{"2026-01-03T02:18:12.886639Z", "2026-01-03T02:18:12.886639Z"},
		{"2026-01-03T02:18:12.123456789Z", "2026-01-03T02:18:12.123456789Z"},
		{"2026-01-03T02:18:12.1234567890Z", ""},
		{"2026-01-03T02:18:12.Z", ""},
		{"2026-01-03T02:18:12,5Z", ""},
		{"2026-01-03T2:18:12Z", ""},
		{"2026-01-03T02:18:12+02:00", "2026-01-03T00:18:12Z"},
		{"2026-01-03T02:18:12.5-02:30", "2026-01-03T04:48:12.5Z"},
		{"2026-01-03T02:18:12+24:00", ""},
		{"2026-01-03T02:18:12+22:59", "2026-01-02T03:19:12Z"},
		{"2026-01-03T02:18:12+22:60", ""},
		{"2026-01-03T02:18:12-00:60", ""},
		{"2026-01-03T02:18:12+0200", ""},
		{"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
		{"2026-02-29T00:00:00Z", ""},
		{"2026-13-01T00:00:00Z", ""},
		{"2026-01-00T00:00:00Z", ""},
		{"2026-01-03T24:00:00Z", ""},
		{"2026-01-03T02:60:00Z", ""},
		{"2026-01-03T02:18:60Z", ""},
		{"0000-01-01T00:00:00Z", ""},
		{"2026-01-03t02:18:12z", ""},
		{"2026-01-03 02:18:12Z", ""},
		{"2026-01-03T02:18:12", ""},
		{"2026-01-03", ""},
		{"202a-01-03T02:18:12Z", ""},
		{"", ""},
	} {
		got, ok := parseTime(c.text)
		switch {
		case ok != (c.want != ""):
			t.Errorf("parseTime(%q): got %v, %t", c.text, got, ok)
		case ok && got.Format(time.RFC3339Nano) != c.want:
			t.Errorf("parseTime(%q): got %s, want %s", c.text, got.Format(time.RFC3339Nano), c.want)
		}
	}
}

// Whatever is accepted, the standard library reads as the same time.
func FuzzParseTime(f *testing.F) {
	f.Add("2026-01-03T02:18:12.886639Z")
	f.Add("2026-01-03T02:18:12.5-02:30")
	f.Add("2026-02-29T23:59:60+14:00")
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseTime(text)
		if !ok {
			return
		}
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || !got.Equal(want) {
			t.Errorf("parseTime(%q): got %v, want %v (%v)", text, got, want, err)
		}
	})
}
