"""A Lua 5.1 with no more libraries than Argo CD gives to a user's scripts: base, table, and two functions of os."""

from __future__ import annotations

from typing import Any

from lupa import lua51

LuaError = lua51.LuaError

_GIVEN = ("error", "ipairs", "next", "pairs", "pcall", "select", "table", "tonumber", "tostring", "type", "unpack")
_PRELUDE = """
function(given, source)
  local os = {date = os.date, time = os.time}
  local world = {require = function(name) assert(name == "os", "no module " .. name); return os end}
  for _, name in ipairs(given) do world[name] = _G[name] end
  local script = assert(loadstring(source))
  setfenv(script, world)
  getmetatable("").__index = nil
  return function(obj, actionParams)
    world.obj, world.actionParams = obj, actionParams
    return script()
  end
end
"""


def run(source: str, obj: dict[str, Any], parameters: dict[str, str] | None = None) -> Any:
    """What the script returns for the object. Raises lupa.LuaError."""
    runtime = lua51.LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    make = runtime.eval(_PRELUDE)
    script = make(_table(runtime, list(_GIVEN)), source)
    return _plain(script(_table(runtime, obj), _table(runtime, parameters or {})))


def _table(runtime: Any, value: Any) -> Any:
    """As Argo CD hands over JSON: null is nil."""
    if isinstance(value, dict):
        return runtime.table_from({key: _table(runtime, member) for key, member in value.items() if member is not None})
    if isinstance(value, list):
        return runtime.table_from([_table(runtime, member) for member in value])
    return value


def _plain(value: Any) -> Any:
    if lua51.lua_type(value) != "table":
        return value
    members = dict(value.items())
    if members and set(members) == set(range(1, len(members) + 1)):
        return [_plain(members[number]) for number in sorted(members)]
    return {key: _plain(member) for key, member in members.items()}
