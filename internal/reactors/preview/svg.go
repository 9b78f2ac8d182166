package preview

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// style is how a kind of line is drawn.
type style struct {
	size, before int // of the letters, and the space above, in pixels
	columns      int // that fit a line
	attributes   string
}

const (
	pictureWidth = 440
	margin       = 16
)

var styles = map[lineKind]style{
	asTitle:    {18, 8, 38, `font-weight="bold"`},
	asSubtitle: {13, 2, 54, `fill="#5f6368"`},
	asHeading:  {14, 10, 48, `font-weight="bold" fill="#1a73e8"`},
	asLabel:    {12, 6, 58, `fill="#5f6368"`},
	asBody:     {14, 6, 50, ``},
	asButton:   {14, 8, 46, `font-weight="bold" fill="#1a73e8"`},
	asRule:     {1, 10, 0, ``},
	asOther:    {12, 6, 58, `font-style="italic" fill="#5f6368"`},
}

// Picture draws the cards of requests as an SVG, below each other. It is well-formed
// whatever people are called, and holds nothing but shapes and text. An error
// says that there is none to draw.
func Picture(requests []reactors.Request) ([]byte, error) {
	var cards [][]cardLine
	for _, r := range requests {
		var parts struct{ Cards json.RawMessage }
		if json.Unmarshal(r.Body, &parts) != nil || parts.Cards == nil {
			continue
		}
		some, ok := cardsOf(parts.Cards)
		if !ok {
			return nil, errors.New("draw a card: it can't be read")
		}
		cards = append(cards, some...)
	}
	if len(cards) == 0 {
		return nil, errors.New("the rule sends no card: there is nothing to draw")
	}
	var d drawing
	for _, c := range cards {
		d.card(c)
	}
	var svg bytes.Buffer
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" fill="#202124">`+"\n",
		pictureWidth, d.y+margin)
	svg.Write(d.shapes.Bytes())
	svg.WriteString("</svg>\n")
	return svg.Bytes(), nil
}

// drawing is what has been drawn, and down to where.
type drawing struct {
	shapes bytes.Buffer
	y      int
}

func (d *drawing) card(lines []cardLine) {
	top := d.y + margin
	d.y = top + margin/2
	var inside bytes.Buffer
	for _, l := range lines {
		s := styles[l.kind]
		d.y += s.before
		if l.kind == asRule {
			fmt.Fprintf(&inside, `<line x1="%d" y1="%d" x2="%d" y2="%[2]d" stroke="#dadce0"/>`+"\n", 2*margin, d.y, pictureWidth-2*margin)
			continue
		}
		text := l.text
		if l.link != "" {
			text += " → " + l.link
		}
		for _, part := range wrapped(cli.Clean(text), s.columns) {
			d.y += s.size * 5 / 4
			fmt.Fprintf(&inside, `<text x="%d" y="%d" font-size="%d" %s xml:space="preserve">`, 2*margin, d.y, s.size, s.attributes)
			xml.EscapeText(&inside, []byte(part)) //nolint:errcheck // a buffer takes everything
			inside.WriteString("</text>\n")
		}
	}
	d.y += margin
	fmt.Fprintf(&d.shapes, `<rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="#ffffff" stroke="#dadce0"/>`+"\n",
		margin, top, pictureWidth-2*margin, d.y-top)
	d.shapes.Write(inside.Bytes())
}

// wrapped breaks a text into lines of a width: between words where it can, and
// never within a character that is made of several.
func wrapped(text string, columns int) (lines []string) {
	for text != "" {
		width, end, space := 0, 0, -1
		for end < len(text) {
			r, size := utf8.DecodeRuneInString(text[end:])
			width += widthOf(r)
			if width > columns && !joins(r) {
				break
			}
			if r == ' ' {
				space = end
			}
			end += size
		}
		if end < len(text) && space > 0 {
			end = space
		}
		lines = append(lines, text[:end])
		text = strings.TrimPrefix(text[end:], " ")
	}
	return lines
}

// widthOf is how many columns a character takes, more or less.
func widthOf(r rune) int {
	switch {
	case joins(r):
		return 0
	case r >= 0x2e80:
		return 2
	}
	return 1
}

// joins reports whether a character belongs to the one before it.
func joins(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r >= 0x1f3fb && r <= 0x1f3ff
}
