// Package importtest holds tests of the whole tree: who may import whom, what
// code may not contain, and that the documents name only what exists.
//
// Each rule is a function from a file or an import to complaints, tested on a
// case that breaks it; then it is applied to every file of the module. A
// complaint names the file and says what to do instead.
//
// # Who may import whom
//
// The function table is the import table; docs/architecture.md shows it. A
// folder below a package of the table belongs to that package unless it has an
// entry of its own. Packages whose name ends in "test" support tests: they may
// import anything, and only tests and each other import them. Test files may
// import what they need.
package importtest
