"""Runs a WASI 0.1 module under wasmtime's Python package, for comparison: kernel_wasmtime.py FILE"""
import sys

import wasmtime

config = wasmtime.Config()
config.strategy = 'cranelift'
config.cranelift_opt_level = 'speed'
engine = wasmtime.Engine(config)
linker = wasmtime.Linker(engine)
linker.define_wasi()
store = wasmtime.Store(engine)
wasi = wasmtime.WasiConfig()
wasi.argv = ['guest']
wasi.inherit_stdin()
wasi.inherit_stdout()
store.set_wasi(wasi)
instance = linker.instantiate(store, wasmtime.Module.from_file(engine, sys.argv[1]))
instance.exports(store)['_start'](store)
