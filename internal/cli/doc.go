// Package cli is what the commands share: how they end, what they print and
// in which form, how they ask, and the values of their flags.
//
// A command prints its result on standard output and everything else on
// standard error. [Env.Run] turns the error of a command into an exit code and
// prints it, each line with the command's name. A wrong flag, a wrong argument
// and every error made by [Usage] exit with 64.
//
// Every table goes through [Env.Table], which takes control characters out of
// each cell: a name from Google can't move the terminal's cursor, colour what
// follows, turn the direction of writing or begin a line. Text that a command
// prints outside tables has to go through [Clean].
package cli
