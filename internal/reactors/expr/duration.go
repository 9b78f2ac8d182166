package expr

import (
	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// readDays lets duration("7d") mean what 7d means elsewhere in a rule: CEL's own
// largest unit is the hour. What isn't a duration is left to CEL to refuse.
var readDays = cel.GlobalMacro("duration", 1, func(f cel.MacroExprFactory, _ celast.Expr, args []celast.Expr) (celast.Expr, *cel.Error) {
	if args[0].Kind() != celast.LiteralKind {
		return nil, nil
	}
	text, ok := args[0].AsLiteral().(types.String)
	if !ok {
		return nil, nil
	}
	d, err := strictyaml.ParseDuration(string(text))
	if err != nil {
		return nil, nil
	}
	return f.NewCall("duration", f.NewLiteral(types.String(d.String()))), nil
})
