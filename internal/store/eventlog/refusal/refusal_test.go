package refusal

import (
	"os"
	"strings"
	"testing"
)

func TestContentChecksAreOfTheSchema(t *testing.T) {
	t.Parallel()
	schema, err := os.ReadFile("../../../../migrations/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range contentChecks {
		if !strings.Contains(string(schema), "CONSTRAINT "+name+" CHECK") {
			t.Errorf("the schema has no constraint %s", name)
		}
	}
}
