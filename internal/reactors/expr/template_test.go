package expr_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// compilers are the three kinds of texts.
func compilers(env *expr.Env) map[string]func(string) (*expr.Template, error) {
	return map[string]func(string) (*expr.Template, error){
		"chat": env.Chat, "plain": env.Plain, "card": env.CardText,
	}
}

func render(t testing.TB, compile func(string) (*expr.Template, error), src string, f *reactors.Facts) string {
	t.Helper()
	tmpl, err := compile(src)
	if err != nil {
		t.Fatalf("compile %q: %v", src, err)
	}
	got, err := tmpl.Render(t.Context(), f, noon)
	if err != nil {
		t.Fatalf("render %q: %v", src, err)
	}
	return got
}

func TestRender(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	facts := anna()
	facts.Space.DisplayName = `R&D *<b>` + "\n" + `"x"`
	for _, test := range []struct{ src, chat, plain, card string }{
		{src: "", chat: "", plain: "", card: ""},
		{"no *placeholder*\n<b>", "no *placeholder*\n<b>", "no *placeholder*\n<b>", "no *placeholder*\n<b>"},
		{"Hi {{ member.mention }}!", "Hi <users/1>!", "Hi users/1!", "Hi Anna!"},
		{"{{space.display_name}}", `R&D ∗‹b› "x"`, "R&D *<b>\n\"x\"", "R&amp;D ∗&lt;b&gt; &#34;x&#34;"},
		{"*{{ space.members }}* of {{ 2u }}, {{ 0.5 }}", "*12* of 2, 0.5", "*12* of 2, 0.5", "*12* of 2, 0.5"},
		{"{{ member.is_member }}", "true", "true", "true"},
		{"{{ event.time }} {{ now - event.time }}", "2026-03-02T11:00:00Z 1h0m0s", "2026-03-02T11:00:00Z 1h0m0s", "2026-03-02T11:00:00Z 1h0m0s"},
		{"{{ group.mentions }}", "<users/1>, <users/2> and 2 others", "users/1, users/2 and 2 others", "4 people"},
		{"{{ group.mentions.filter(m, m.user < 'users/4') }}", "<users/1>, <users/2> and <users/3>", "users/1, users/2 and users/3", "3 people"},
		{"{{ group.mentions.filter(m, m.user < 'users/3') }}", "<users/1> and <users/2>", "users/1 and users/2", "2 people"},
		{"{{ group.mentions.filter(m, m.user == 'users/2') }}", "<users/2>", "users/2", "someone"},
		{"{{ group.mentions.filter(m, false) }}", "nobody", "nobody", "nobody"},
		{"{{ group.mentions[1] }}", "<users/2>", "users/2", "someone"},
		{"{{ true ? member.mention : group.mentions[1] }}", "<users/1>", "users/1", "Anna"},
		{`{{ "}}" + '}}' }} {{ {"a": {"b": "c"}}.a.b }}`, "}}}} c", "}}}} c", "}}}} c"},
		{`{{ "\"}}" }}{{ r"\" }}{{ """ "}} """ }}{{ br'\'.size() }}`, `"}}\"}}1`, `"}}\ "}} 1`, `&#34;}}\&#34;}}1`},
		{"{{ br'\\' == b'}}' }} {{ r'\\' + '}}' }}", "false \\}}", "false \\}}", "false \\}}"},
		{"a {{{{ b }} c {{{{{{ member.name }}", "a {{ b }} c {{users/1", "a {{ b }} c {{users/1", "a {{ b }} c {{users/1"},
		{"https://x.example/a.{{ member.display_name }} b.{{ member.display_name }}", "https://x.example/a.Anna b\u2024Anna",
			"https://x.example/a.Anna b.Anna", "https://x.example/a.Anna b\u2024Anna"},
		{"see https://crm.example/{{ member.name }}.html", "see https://crm.example/users/1.html", "see https://crm.example/users/1.html", "see https://crm.example/users/1.html"},
		{`<https://crm.example/{{ member.name }}|{{ "a|b" }}>`, "<https://crm.example/users/1|a∣b>", "<https://crm.example/users/1|a|b>", "<https://crm.example/users/1|a∣b>"},
	} {
		got := map[string]string{}
		for kind, compile := range compilers(env) {
			got[kind] = render(t, compile, test.src, facts)
		}
		want := map[string]string{"chat": test.chat, "plain": test.plain, "card": test.card}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.src, diff)
		}
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	for user, want := range map[string]string{
		"users/1": "<users/1>", "users/a.b@c": "someone", "users/a.b-c_d": "<users/a.b-c_d>",
		"users/all": "someone", "users/ALL": "someone", "": "someone", "users/": "someone",
		"users/1>x<users/all": "someone", "spaces/1": "someone", "users/1\n": "someone", "users/1|x": "someone",
	} {
		f := anna()
		f.Member.Mention.User = user
		if got := render(t, env.Chat, "{{ member.mention }}", f); got != want {
			t.Errorf("%q: got %q, want %q", user, got, want)
		}
	}
}

// In a card, only the member has a name, and only if it is known.
func TestCardNames(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	f := anna()
	f.Member.DisplayName = `<a href="https://evil.example">` + strings.Repeat("x", 100)
	want := "&lt;a href=&#34;https:∕∕evil․example&#34;&gt;" + strings.Repeat("x", 48) + "…"
	if got := render(t, env.CardText, "{{ member.mention }}", f); got != strings.ReplaceAll(want, "∕", "\u2215") {
		t.Errorf("got %q, want %q", got, want)
	}
	f.Member.DisplayName = ""
	if got := render(t, env.CardText, "{{ member.mention }}", f); got != "someone" {
		t.Errorf("without a name: %q", got)
	}
}

func TestValueLength(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	f := anna()
	long := strings.Repeat("é", 600)
	f.Message.Text, f.Space.DisplayName, f.Member.DisplayName = long, long, long
	for src, want := range map[string]int{
		"{{ message.text }}":             500,
		"{{ message.text + '!' }}":       500,
		"{{ space.display_name }}":       80,
		"{{ member.display_name }}":      80,
		"{{ message.text + 'x' }}{{ 1}}": 501,
	} {
		got := []rune(render(t, env.Chat, src, f))
		if len(got) != want || !strings.Contains(string(got), "…") {
			t.Errorf("%s: %d characters, want %d", src, len(got), want)
		}
	}
	f.Space.DisplayName = strings.Repeat("é", 80)
	if got := render(t, env.Chat, "{{ space.display_name }}", f); got != f.Space.DisplayName {
		t.Errorf("80 characters became %q", got)
	}
	if got := render(t, env.Plain, "{{ message.text }}", f); got != long {
		t.Errorf("plain text became %d bytes, want %d", len(got), len(long))
	}
}

func TestTemplateMistakes(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	joined := env.For([]reactors.Trigger{reactors.MemberJoined})
	for src, want := range map[string]string{
		"Hi {{ member.mention":                 "3: {{ isn't closed by }} ({{{{ writes {{)",
		"Hi {{":                                "3: {{ isn't closed by }} ({{{{ writes {{)",
		"Hi {{ }}":                             "5: the expression is empty",
		"é {{ member.nam }}":                   "13: member has no field nam (did you mean name?)",
		"{{ member.name }} {{ message.text }}": "21: message is not known for member.joined (known are event, group, member, now, space, trigger)",
		"{{ 'a }} b":                           "3: a quote isn't closed",
		"{{  member }}":                        "4: a placeholder can't write a member (write one of its fields)",
		"{{ group.members }}":                  `3: a placeholder can't write a list (join strings, as in x.join(", "))`,
		"{{ [1] }}":                            `3: a placeholder can't write a list (join strings, as in x.join(", "))`,
		"{{ null }}":                           "3: a placeholder can't write null",
		"{{ {'a': 1} }}":                       "3: a placeholder can't write a map",
		"{{ b'x' }}":                           "3: a placeholder can't write bytes",
		"{{ 'Hi ' + member.mention }}":         "9: + doesn't go with a string and a mention (write it as its own placeholder: {{ member.mention }})",
		"Hi <{{ member.name }}>":               "4: a mention can't be put together from parts (write {{ member.mention }})",
		"Hi <users/{{ event.id }}>":            "10: a mention can't be put together from parts (write {{ member.mention }})",
		"Hi <use{{ event.id }}>":               "7: a mention can't be put together from parts (write {{ member.mention }})",
		strings.Repeat("{{ 1 }}", 101):         "700: a text has at most 100 placeholders",
		strings.Repeat("x", 33_000):            "32768: a text has at most 32768 bytes, this one 33000",
	} {
		_, err := joined.Chat(src)
		if err == nil {
			t.Errorf("%.60q: no error, want %s", src, want)
			continue
		}
		if diff := cmp.Diff(want, told(t, err)); diff != "" {
			t.Errorf("%.60q (-want +got):\n%s", src, diff)
		}
	}
	// Where nothing reads mentions, there is nothing to put together.
	for _, compile := range []func(string) (*expr.Template, error){joined.Plain, joined.CardText} {
		if _, err := compile("<{{ member.name }}>"); err != nil {
			t.Error(err)
		}
	}
	for _, fine := range []string{"a <b> {{ member.name }}", "1 < {{ space.members }}", "<https://x/{{ member.name }}|y>", "<users/1> {{ member.name }}"} {
		if _, err := joined.Chat(fine); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

func TestTemplateNeeds(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	for _, test := range []struct {
		src                string
		chat, plain, cards reactors.Needs
	}{
		{src: "Hi {{{{"},
		{"{{ member.name }}", 0, 0, 0},
		{"{{ member.mention }}", 0, 0, reactors.NeedMember},
		{"{{ group.mentions }}", 0, 0, reactors.NeedMember},
		{"{{ space.display_name }} {{ space.week.joins }}", reactors.NeedSpace | reactors.NeedWeek,
			reactors.NeedSpace | reactors.NeedWeek, reactors.NeedSpace | reactors.NeedWeek},
	} {
		want := map[string]reactors.Needs{"chat": test.chat, "plain": test.plain, "card": test.cards}
		for kind, compile := range compilers(env) {
			tmpl, err := compile(test.src)
			if err != nil {
				t.Fatal(err)
			}
			if got := tmpl.Needs(); got != want[kind] {
				t.Errorf("%s %q needs %b, want %b", kind, test.src, got, want[kind])
			}
		}
	}
}

// Words of Google's are written as they are: nobody has chosen them. What isn't one
// of them is a value like others.
func TestWordsOfGoogle(t *testing.T) {
	t.Parallel()
	f := anna()
	for role, want := range map[string]string{"ROLE_MANAGER": "ROLE_MANAGER", "ROLE_*x*": "ROLE＿∗x∗"} {
		f.Member.Role = role
		if got := render(t, newEnv(t).Chat, "{{ member.role }}", f); got != want {
			t.Errorf("%s is written as %s, want %s", role, got, want)
		}
	}
}

func TestRenderFails(t *testing.T) {
	t.Parallel()
	tmpl, err := newEnv(t).Chat("{{ member.name }} {{ int(message.text) }}")
	if err != nil {
		t.Fatal(err)
	}
	got, err := tmpl.Render(t.Context(), anna(), noon)
	if got != "" || err == nil || strings.Contains(err.Error(), "HELP") || !strings.Contains(err.Error(), "{{ int(message.text) }}") {
		t.Errorf("got %q, %v; want an error that names the placeholder and quotes nothing", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tmpl.Render(ctx, anna(), noon); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// What a value brings is never read as a template again.
func TestBracesInValues(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	f := anna()
	f.Message.Text = "{{ member.name }} {{{{ }}"
	for kind, compile := range compilers(env) {
		if got := render(t, compile, "{{ message.text }}", f); !strings.HasPrefix(got, "{{ member") {
			t.Errorf("%s: %q", kind, got)
		}
	}
}

// Whatever is written, an error points into it, and text without braces is
// left alone.
func FuzzTemplate(f *testing.F) {
	for _, src := range []string{"a {{ 1 }} b", "{{{{ }}", "{{ '}}' }}", `{{ """}}""" }}`, `{{ r"\" }}`, "{{ {1: {2: 3}} }}", "<{{ 1 }}", "{{{", "}}", "{{ \xff }}", "é{{"} {
		f.Add(src)
	}
	env := newEnv(f)
	f.Fuzz(func(t *testing.T, src string) {
		for kind, compile := range compilers(env) {
			tmpl, err := compile(src)
			if err != nil {
				var e *expr.Error
				if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(src) || e.Message == "" {
					t.Fatalf("%s %q: %#v", kind, src, err)
				}
				continue
			}
			got, err := tmpl.Render(t.Context(), anna(), noon)
			if err == nil && !strings.Contains(src, "{{") && utf8.ValidString(src) && got != src {
				t.Fatalf("%s %q became %q", kind, src, got)
			}
		}
	})
}
