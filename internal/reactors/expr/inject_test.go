package expr_test

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// Row S1 of the failure modes: a text holds exactly the mentions, the links
// and the markup of its template, whatever people call themselves, their
// spaces, or write.

// feature is something that Chat makes more of than text.
var features = map[string]*regexp.Regexp{
	"tag":     regexp.MustCompile(`<[^>]*>`),
	"mention": regexp.MustCompile(`(?i)users/all>|<users/`),
	"scheme":  regexp.MustCompile(`[\pL\pN+.-]*://`),
	"www":     regexp.MustCompile(`(?i)www\.`),
	"domain":  regexp.MustCompile(`\S\.\pL`),
	"address": regexp.MustCompile(`@`),
	"markup":  regexp.MustCompile("[*_~`<>|]"),
	"item":    regexp.MustCompile(`(?m)^ *-\s`),
	"line":    regexp.MustCompile(`[\n\r\x{2028}\x{2029}]`),
}

// found lists the features of a text.
func found(text string) map[string][]string {
	all := map[string][]string{}
	for name, pattern := range features {
		if hits := pattern.FindAllString(text, -1); len(hits) > 0 {
			all[name] = hits
		}
	}
	return all
}

// unseen returns the characters of a text that aren't shown.
func unseen(text string) []rune {
	var list []rune
	before := ' '
	for _, r := range text {
		// What joins letters or emoji stands behind one, and never behind what links
		// and markup are made of.
		joins := r == '\u200c' || r == '\u200d' || unicode.Is(unicode.Variation_Selector, r) || r > '\U000e0020' && r <= '\U000e007f'
		if joins && (before >= 0x80 || r == '\ufe0f' && before >= '0' && before <= '9') && !unicode.IsSpace(before) {
			before = r
			continue
		}
		before = r
		ignorable := unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
		if r != '\n' && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs) || !unicode.IsGraphic(r) || ignorable) {
			list = append(list, r)
		}
	}
	return list
}

// Templates that give values every chance to become more than text.
var risky = []string{
	"{{ message.text }}",
	"{{ message.text }}{{ space.display_name }}",
	"Hi {{ member.mention }}, welcome to *{{ space.display_name }}*!",
	"{{ member.display_name }}: {{ message.text }}",
	"http:{{ message.text }}",
	"http:/{{ message.text }}{{ space.display_name }}",
	"www{{ message.text }}",
	"ww{{ message.text }} w{{ space.display_name }}",
	"{{ message.text }}.{{ space.display_name }}",
	"Look.{{ message.text }}",
	"see https://crm.example/{{ message.text }} or <https://crm.example/{{ space.display_name }}|here>",
	"_{{ message.text }}_ `{{ space.display_name }}` ~{{ message.text }}~",
	"```\n{{ message.text }}\n```",
	"<users/1>{{ message.text }}",
	"a\n{{ message.text }} {{ space.display_name }}",
	"- {{ message.text }}\n  {{ space.display_name }}",
}

// values that people may choose.
var corpus = []string{
	"<users/all>", "<users/1>", "users/all", "<users/", "all>", "<", ">", "<https://evil.example|click>", "|click>",
	"http://evil.example", "https:\\\\evil.example", "HTTPS://EVIL.EXAMPLE", "//evil.example", "/evil.example", "://evil", ":", ":/", "http:",
	"www.evil.example", "WWW.1.2", "www", ".evil", ".www.evil.example", "evil.com", "evil.com.", "x.evil-site.co", "evil。com", "ex.\u200bcom",
	"com", ".com", "a@b.com", "@all", "mailto:a@b.com", "`code`", "```", "*bold*", "_it_", "~gone~", "* item", "- item", "-", "> quote",
	"\u202egnp.exe", "\u2066x\u2069", "h\u200bttp://x", "http:\u200b//x", "http:/\u00ad/x", "http:\ufe0f//x", "w\u2060ww.x", "evil.\ufe0fcom", "evil\u034f.com",
	"a\u0000b", "a\u001b[31mb", "\r\n- item", "a\u2028- b", "a\u2029b", "a\u0085b", "\ufeff<users/all>", "\U000e0041", "\ue000", "\U0010ffff", "\uffff",
	"{{ member.name }}", "{{{{", "}}", "\xff\xfe", "<\u200busers/all>", "\u3164", "\u115f", "＜users/all＞", "&lt;users/all&gt;", "👩‍👩‍👧 ❤️ 1️⃣ 🇩🇪",
	strings.Repeat("a", 79) + "<users/all>", strings.Repeat("a", 498) + "://x", "", " ", "x",
}

// subject is a template, and what Chat finds in it if its values are "x".
type subject struct {
	src  string
	tmpl *expr.Template
	want map[string][]string
}

func subjects(t testing.TB) []subject {
	t.Helper()
	env := newEnv(t)
	var list []subject
	for _, src := range risky {
		tmpl, err := env.Chat(src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		s := subject{src: src, tmpl: tmpl}
		harmless, err := s.render("x", "x")
		if err != nil {
			t.Fatal(err)
		}
		s.want = found(harmless)
		list = append(list, s)
	}
	return list
}

func (s subject) render(text, name string) (string, error) {
	f := anna()
	f.Message.Text, f.Space.DisplayName, f.Member.DisplayName = text, name, name
	return s.tmpl.Render(context.Background(), f, noon)
}

// check fails if Chat finds something in the rendered text that it doesn't
// find with harmless values. A link and a tag may hold a value, so that only
// their number counts.
func (s subject) check(t interface{ Fatalf(string, ...any) }, text, name string) {
	got, err := s.render(text, name)
	if err != nil {
		t.Fatalf("%q of %q and %q: %v", s.src, text, name, err)
	}
	if list := unseen(got); len(list) > 0 {
		t.Fatalf("%q of %q and %q: unseen %q", s.src, text, name, list)
	}
	have, want := found(got), maps.Clone(s.want)
	for _, kind := range []string{"tag", "domain"} {
		if len(have[kind]) != len(want[kind]) {
			t.Fatalf("%q of %q and %q: %s %q, with harmless values %q", s.src, text, name, kind, have[kind], want[kind])
		}
		delete(have, kind)
		delete(want, kind)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Fatalf("%q of %q and %q (-harmless +got):\n%s", s.src, text, name, diff)
	}
}

func TestInjection(t *testing.T) {
	t.Parallel()
	for _, s := range subjects(t) {
		t.Run(s.src, func(t *testing.T) {
			t.Parallel()
			names := []string{"x"}
			if strings.Count(s.src, "{{") > 1 {
				names = corpus
			}
			for _, text := range corpus {
				for _, name := range names {
					s.check(t, text, name)
				}
			}
		})
	}
}

// TestInjectionProperty puts values together from dangerous pieces, 10,000
// times.
func TestInjectionProperty(t *testing.T) {
	t.Parallel()
	all := subjects(t)
	piece := rapid.OneOf(
		rapid.SampledFrom(corpus),
		rapid.SampledFrom([]string{"<", ">", "users/", "all", "w", ".", ":", "/", "@", "|", "*", "_", "~", "`", "-", " ", "\n", "\u200b", "\ufe0f", "\u0301", "a", "1", "é"}),
		rapid.String(),
	)
	value := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
	})
	rapid.Check(t, func(t *rapid.T) {
		const checks = 100 // are rapid's own, each with so many cases
		for range checks {
			s := all[rapid.IntRange(0, len(all)-1).Draw(t, "template")]
			s.check(t, value.Draw(t, "text"), value.Draw(t, "name"))
		}
	})
}

func FuzzChatValue(f *testing.F) {
	for i, text := range corpus {
		f.Add(text, "x", uint8(i))
		f.Add("x", text, uint8(i))
	}
	all := subjects(f)
	f.Fuzz(func(t *testing.T, text, name string, which uint8) {
		all[int(which)%len(all)].check(t, text, name)
	})
}

// Cards know HTML: a value brings no tag and no entity.
func TestCardInjection(t *testing.T) {
	t.Parallel()
	tmpl, err := newEnv(t).CardText(`<b>{{ message.text }}</b> <a href="https://crm.example/{{ space.display_name }}">{{ member.display_name }}</a>`)
	if err != nil {
		t.Fatal(err)
	}
	tags := regexp.MustCompile(`</?[a-z]+|"`)
	entity := regexp.MustCompile(`&[^;]*;`)
	for _, text := range append(slices.Clone(corpus), `"><script>`, `'"&`, "&amp;", "</b>", "<a href='x'>") {
		f := anna()
		f.Message.Text, f.Space.DisplayName, f.Member.DisplayName = text, text, text
		got, err := tmpl.Render(t.Context(), f, noon)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"<b", "</b", "<a", `"`, `"`, "</a"}, tags.FindAllString(got, -1)); diff != "" {
			t.Errorf("%q (-want +got):\n%s\n%s", text, diff, got)
		}
		for _, e := range entity.FindAllString(got, -1) {
			if !slices.Contains([]string{"&lt;", "&gt;", "&amp;", "&#34;", "&#39;"}, e) {
				t.Errorf("%q brings the entity %s", text, e)
			}
		}
		if list := unseen(got); len(list) > 0 {
			t.Errorf("%q: unseen %q", text, list)
		}
	}
}

// england is what follows a black flag in England's.
const england = "\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

// What people write stays readable.
func TestReadable(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	for text, want := range map[string]string{
		"Ünïcödé 日本語 العربية 👍🏽 ❤️ 1️⃣":                   "Ünïcödé 日本語 العربية 👍🏽 ❤️ 1️⃣",
		"3.5 % at 10:30, e.g. now. Then…":                 "3.5 % at 10:30, e\u2024g. now. Then…",
		"evil.\ufe0fcom a\ufe0fb \ufe0f❤\ufe0f é \ufe0fx": "evil\u2024com ab ❤\ufe0f é x",
		" two\n\n lines\t":                               "two lines",
		"مي\u200cخواهم علي":                              "مي\u200cخواهم علي",    // Persian
		"ශ්\u200dරී ක්\u200dෂ":                           "ශ්\u200dරී ක්\u200dෂ", // Sinhala
		"ന്\u200d അവന്\u200d":                            "ന്\u200d അവന്\u200d",  // Malayalam, at the end of a word
		"👨\u200d👩\u200d👧 family":                         "👨\u200d👩\u200d👧 family",
		"❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈":                  "❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈",
		"👩🏽\u200d⚕\ufe0f 👍🏽 1\ufe0f\u20e3 #\ufe0f\u20e3": "👩🏽\u200d⚕\ufe0f 👍🏽 1\ufe0f\u20e3 #\ufe0f\u20e3",
		"🏴" + england + " 🏴\u200d☠\ufe0f":                "🏴" + england + " 🏴\u200d☠\ufe0f",
		"葛\U000e0100 and ᠠ\u180b":                        "葛\U000e0100 and ᠠ\u180b", // which form of a sign
		// Elsewhere they are left out.
		"a\u200db \u200d👧 👨\u200dx 👨\u200d":                   "ab 👧 👨x 👨",
		"مي\u200c مي\u200cx \u200cمي":                         "مي ميx مي",
		"👍" + england + " 🏴\U000e0067 🏴\U000e0067\U000e007fx": "👍 🏴 🏴x",
		"é\ufe0f \u202eمي\u200c\u202cخو\u200b":                "é ميخو",
		"a - b":                      "a - b",
		"user_name <me@example.com>": "user＿name ‹me＠example\u2024com›",
		"https://x.example/a":        "https:\u2215\u2215x\u2024example/a",
	} {
		f := anna()
		f.Message.Text = text
		if got := render(t, env.Chat, "{{ message.text }}", f); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func BenchmarkChat(b *testing.B) {
	tmpl, err := newEnv(b).Chat("Hi {{ member.mention }}, welcome to *{{ space.display_name }}*!")
	if err != nil {
		b.Fatal(err)
	}
	f := anna()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tmpl.Render(b.Context(), f, noon); err != nil {
			b.Fatal(err)
		}
	}
}
