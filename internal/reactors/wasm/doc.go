// Package wasm is the action "exec": a WebAssembly module decides what is to be
// done, and other actions do it.
//
// # What it promises
//
// A module computes and nothing else. It has no files, network, environment,
// clock or chance (what it is told of time and chance is always the same), a
// fresh memory of at most 16 MiB for each run, and 100 ms; see [Options]. So the
// same facts give the same decision, and the decision is stored before any of it
// is done. What it asks for is done by the actions that New got, each exactly
// once, in order.
//
// # The interface of a module
//
// A module exports
//
//	memory                           its memory
//	alloc(size i32) i32              where size bytes may be written
//	react(ptr i32, len i32) i64      the answer's place<<32 | the answer's length
//
// and may export _initialize, which is called first. It may import functions
// of wasi_snapshot_preview1, as what compilers of Go, TinyGo and Rust make does.
// In Go: GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared, with functions
// marked //go:wasmexport; testdata/greeter is an example.
//
// alloc is called once, then react with [Input] as JSON, and answers with
// [Output] as JSON of at most 64 KiB:
//
//	{"do": [{"send": {"text": "Welcome <users/123>"}}]}
//	{"do": [], "note": "not-a-question"}
//
// Parameters are named as in a rule. Texts are taken as they are: nothing is
// filled in, and Chat's markup works, so a module must not put what people
// wrote into a text unless it means to. Only people in the facts can be
// mentioned.
//
// # What the caller must do
//
// Call Check before Prepare, as whoever loads rules does: it compiles the
// module and notes its digest in the parameters, so that a rule keeps the
// module it was loaded with. Call [Action.Close] at the end.
//
// # What happens on failure
//
// A module that can't be used is a mistake of the rule. One that can't be compiled
// here and now, in 30 s and 1 GiB, is [reactors.ParamError] Unready: Prepare fails
// by its parameters until a later Check has compiled it, which tries every 10
// minutes. One that traps, takes
// too long or answers with what isn't allowed makes Prepare fail for good; the
// error says why and quotes nothing of the answer. When an action that was
// asked for fails, those before it are done and those after it are not; the
// next try begins at the front, and each still takes effect once.
//
// A module that takes too long too often isn't started for a minute, and Prepare
// fails at once; then a single run tries it. A run that traps or answers badly
// doesn't count; another version of the module begins anew. Each process finds
// out for itself.
//
// # Limits that remain
//
// A module that calls itself without end is stopped by the time limit, or by
// wazero when its stack has about 50 MB, which is not in the module's memory;
// to unwind it may take half a second. At most as many modules run at once as
// half the processors. Modules that were loaded are kept until Close.
//
// A fresh instance of a small Go module takes about 10 ms; its compilation when
// the rules are loaded takes seconds. A function may have 64 KiB, all code 8 MiB.
//
// A helper process compiles, one module at a time: this binary once more, whose
// main function calls [Help]. It has no environment, so no secrets, and is killed when Close is called; if its maker is
// gone, it ends by itself. It needs a directory for temporary files.
//
// # Concurrency
//
// An Action may be used by any number of goroutines until Close is called.
package wasm
