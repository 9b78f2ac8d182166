package expr_test

import (
	"strings"
	"testing"
)

// Words and letters are those of all languages.
func TestWords(t *testing.T) {
	t.Parallel()
	const decomposed = "u\u0308ber"
	for src, want := range map[string]bool{
		`"ÜBER uns".lower() == "über uns"`:                   true,
		`"Ärger ΣΊΣΥΦΟΣ ЖУК".lower() == "ärger σίσυφοσ жук"`: true,
		`"` + decomposed + `".lower() == "über"`:             true,

		`"mein Ürlaub".hasWord("ürlaub")`:           true,
		`"mein ÜRLAUB!".hasWord("Ürlaub")`:          true,
		`"` + decomposed + `!".hasWord("ÜBER")`:     true,
		`"Kürlaub".hasWord("ürlaub")`:               false,
		`"ürlaubs".hasWord("ürlaub")`:               false,
		`"Urlaubsantrag, Urlaub".hasWord("urlaub")`: true,
		`"vpn".hasWord("vpn")`:                      true,
		`"provpnet".hasWord("vpn")`:                 false,
		`"vpn_2".hasWord("vpn")`:                    false,
		`"out of office".hasWord("of OFFICE")`:      true,
		`"отпуск завтра".hasWord("Отпуск")`:         true,
		`"see #help".hasWord("#help")`:              true,
		`"see #helpdesk".hasWord("#help")`:          false,
		`"aaa".hasWord("a")`:                        false,

		`"ΛΌΓΟΣ, όλος".hasWord("λόγος") && "ο λόγος".hasWord("ΛΌΓΟΣ")`: true,
		// Persian: between letters the non-joiner is of the word, at its end it is not.
		`"می\u200cخواهم مرخصی\u200c بگیرم".hasWord("مرخصی")`: true,
		`"می\u200cخواهم \u200cمرخصی".hasWord("مرخصی")`:       true,
		`"می\u200cخواهم".hasWord("می\u200cخواهم")`:           true,
		`"می\u200cخواهم".hasWord("خواهم")`:                   false,
		`"می\u200cخواهم".hasWord("می")`:                      false,
		`"\u202bمرخصی\u200f".hasWord("مرخصی")`:               true,
		`"need help\u200d🙏".hasWord("help")`:                 true,
		// Sinhala and Malayalam: a joiner makes another letter, also at the end.
		`"ශ්\u200dරී ලංකා".hasWord("ශ්\u200dරී")`: true,
		`"ශ්\u200dරී ලංකා".hasWord("ලංකා")`:       true,
		`"ශ්\u200dරී".hasWord("ශ්")`:              false,
		`"അവന്\u200d വരും".hasWord("അവന്")`:       false,
		`"അവന്\u200d വരും".hasWord("അവന്\u200d")`: true,
		// Adlam and Deseret, beyond the first 65,536 characters, have capitals.
		`"𞤀𞤁𞤤 𞤆".hasWord("𞤢𞤣𞤂")`: true,
		`"𞤀𞤁𞤤𞤆".hasWord("𞤢𞤣𞤂")`:  false,
		`"𐐀𐐁!".lower() == "𐐨𐐩!"`: true,
		`"𐐀𐐁!".hasWord("𐐨𐐩")`:    true,
		`"𐐀𐐁𐐂".hasWord("𐐁𐐂")`:    false,
		`"x".hasWord("")`:        false,

		`emoji.base("❤\ufe0f") == emoji.base("❤")`:              true,
		`emoji.base("👍🏽") == "👍"`:                               true,
		`emoji.base("👩🏽\u200d⚕\ufe0f") == "👩\u200d⚕"`:           true,
		`emoji.base("🏳\ufe0f\u200d🌈") == emoji.base("🏳\ufe0f")`: false,
		`emoji.base(":party-parrot:") == ":party-parrot:"`:      true,
	} {
		got, err := condition(t, src).Eval(t.Context(), anna(), noon)
		if err != nil || got != want {
			t.Errorf("%s = %t, %v; want %t", src, got, err, want)
		}
	}
	f := anna()
	f.Reaction.Emoji = "👍🏽"
	if got := render(t, newEnv(t).Chat, "{{ emoji.base(reaction.emoji) }}", f); got != "👍" {
		t.Errorf("without skin tone it is %q", got)
	}
}

// The functions of texts cost what they read, and what they return isn't endless.
func TestWordsCost(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`message.text.lower().contains("help")`,
		`message.text.trim().lower().startsWith("!help")`,
		`["urlaub", "krank"].exists(w, message.text.hasWord(w))`,
		`emoji.base(reaction.emoji) in ["👍", "🎉"]`,
	} {
		if _, err := newEnv(t).Condition(src); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
	if _, err := newEnv(t).Condition(`message.text` + strings.Repeat(".lower()", 60) + ` == ""`); err == nil {
		t.Error("sixty times lower isn't too costly")
	}
}
