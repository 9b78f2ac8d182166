package preview_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
)

func body(t testing.TB, cards any) reactors.Request {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"cards": cards})
	if err != nil {
		t.Fatal(err)
	}
	return reactors.Request{Body: raw}
}

// card is one that holds a text in all its places.
func card(text string) any {
	type m = map[string]any
	return []any{m{"card": m{
		"header": m{"title": text, "subtitle": text},
		"sections": []any{m{"header": text, "widgets": []any{
			m{"textParagraph": m{"text": text}},
			m{"decoratedText": m{"topLabel": text, "text": text, "bottomLabel": text, "button": m{"text": text, "onClick": m{"openLink": m{"url": text}}}}},
			m{"divider": m{}},
			m{"image": m{"imageUrl": text, "altText": text}},
			m{"buttonList": m{"buttons": []any{m{"text": text, "onClick": m{"openLink": m{"url": text}}}}}},
			m{"grid": m{"title": text, "items": []any{m{"title": text, "subtitle": text}}}},
			m{"columns": m{"columnItems": []any{m{"widgets": []any{m{"textParagraph": m{"text": text}}}}}}},
			m{"chipList": m{}},
		}}},
	}}}
}

// A card as text: its words in order, where its links lead, and what has no words.
func TestCardAsText(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	preview.PrintContent(&out, body(t, card("A <b>bold</b> &amp; <a href=\"https://example.com\">short</a><br>word")).Body, titlesOf())
	const line = "A bold & short (https://example.com)"
	want := strings.Join([]string{
		"# " + line, "# word", "  " + line, "  word", "## " + line, "## word",
		line, "word",
		line, "word", line, "word", line, "word", "[ " + line + " ]", "[ word ]",
		"────", "(image: " + line, "word)", "[ " + line + " ]", "[ word ]",
		line, "word", line, "word A bold & short (https://example.com)", "word",
		line, "word",
		"(chipList)",
	}, "\n")
	got := strings.ReplaceAll(strings.TrimSpace(out.String()), "  ▕ ", "")
	got = strings.ReplaceAll(got, "▕ ", "")
	// Where a click leads stands behind the button.
	got = strings.ReplaceAll(got, " → A <b>bold</b> &amp; <a href=\"https://example.com\">short</a><br>word", "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// words are the texts of a picture, which must be well-formed and hold nothing but
// shapes and text.
func words(t testing.TB, svg []byte) string {
	t.Helper()
	var said strings.Builder
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return said.String()
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		switch x := token.(type) {
		case xml.StartElement:
			if !slices.Contains([]string{"svg", "rect", "line", "text"}, x.Name.Local) {
				t.Errorf("the picture holds an element %q", x.Name.Local)
			}
			for _, a := range x.Attr {
				if strings.Contains(a.Name.Local, "href") || strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Value, "url(") {
					t.Errorf("the picture holds an attribute %s=%q", a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			said.Write(x)
		case xml.EndElement:
		default:
			t.Errorf("the picture holds %T", x)
		}
	}
}

// Whatever people are called, the picture of a card is well-formed, and shows it and
// no more.
func TestPictureIsWellFormed(t *testing.T) {
	t.Parallel()
	for _, text := range append(strings.Split(clitest.Hostile, "\n"),
		"Anna", `</text><script>alert(1)</script>`, `"><image href="http://example.com"/>`, "]]>", "<!--", "&", "&#0;", "&lt;b&gt;", "\u202eevil", "\x00\x1b[31m", "\ufffe\uffff",
		string([]byte{0xff, 0xfe}), strings.Repeat("x", 5_000), strings.Repeat("👨\u200d👩\u200d👧", 100), "می\u200cخواهم", strings.Repeat(" ", 300), "",
	) {
		svg, err := preview.Picture([]reactors.Request{body(t, card(text))})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, r := range words(t, svg) {
			if r != '\n' && r != '\u200c' && r != '\u200d' && unicode.In(r, unicode.Cc, unicode.Cf) {
				t.Errorf("%q: the picture holds %U", text, r)
			}
		}
	}
	svg, err := preview.Picture([]reactors.Request{body(t, card("Anna & Bo")), body(t, card("second"))})
	if err != nil {
		t.Fatal(err)
	}
	if said := words(t, svg); strings.Count(said, "Anna & Bo") != 14 || strings.Count(said, "second") != 14 {
		t.Errorf("the picture says %q", said)
	}
}

// Nothing runs over a card's edge, in a font whose letters are wide, and a button
// shows its words alone.
func TestPictureKeepsToTheCard(t *testing.T) {
	t.Parallel()
	const address = "https://support.example.com/handbook/first-steps/how-we-work-together-and-whom-to-ask?page=17"
	svg, err := preview.Picture([]reactors.Request{body(t, card(address))})
	if err != nil {
		t.Fatal(err)
	}
	var picture struct {
		Rects []struct {
			X     int `xml:"x,attr"`
			Width int `xml:"width,attr"`
		} `xml:"rect"`
		Texts []struct {
			X      int    `xml:"x,attr"`
			Size   int    `xml:"font-size,attr"`
			Weight string `xml:"font-weight,attr"`
			Text   string `xml:",chardata"`
		} `xml:"text"`
	}
	if err := xml.Unmarshal(svg, &picture); err != nil {
		t.Fatal(err)
	}
	card := picture.Rects[0]
	if len(picture.Rects) != 3 { // and two buttons
		t.Errorf("%d shapes, want a card and two buttons", len(picture.Rects))
	}
	for _, r := range picture.Rects[1:] {
		if r.X+r.Width >= card.X+card.Width {
			t.Errorf("a button ends at %d, the card at %d", r.X+r.Width, card.X+card.Width)
		}
	}
	bold := 0
	for _, line := range picture.Texts {
		letter := 0.6 // of its size, in DejaVu Sans
		if line.Weight == "bold" {
			letter, bold = 0.69, bold+1
		}
		if end := float64(line.X) + letter*float64(line.Size*len([]rune(line.Text))); end >= float64(card.X+card.Width) {
			t.Errorf("%q ends at %.0f, the card at %d", line.Text, end, card.X+card.Width)
		}
		if strings.Contains(line.Text, "→") {
			t.Errorf("%q shows where a button leads", line.Text)
		}
	}
	if bold == 0 {
		t.Error("nothing is bold")
	}
}

func FuzzPicture(f *testing.F) {
	f.Add("Anna")
	f.Add(clitest.Hostile)
	f.Fuzz(func(t *testing.T, text string) {
		svg, err := preview.Picture([]reactors.Request{body(t, card(text))})
		if err != nil {
			t.Fatal(err)
		}
		words(t, svg)
	})
}

func TestNoPicture(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]reactors.Request{
		"a text": {Body: json.RawMessage(`{"text":"Hello"}`)}, "no JSON": {Body: json.RawMessage(`x`)}, "cards of another kind": {Body: json.RawMessage(`{"cards":"x"}`)},
	} {
		if svg, err := preview.Picture([]reactors.Request{r}); err == nil {
			t.Errorf("%s: drawn as %s", name, svg)
		}
	}
}
