"""Arguments that several operations share."""

from typing import Annotated

from msgspec.structs import replace

from huskies_core.argument import Argument, parse_run_id, parse_story_id
from huskies_core.ids import RunId, StoryId
from huskies_core.operations.operation import Parameter, described

_STORY = Argument("The story's id.", least=1, name="id", positional=True, parse=parse_story_id)
_RUN = Argument("The run's number.", least=1, metavar="RUN", positional=True, parse=parse_run_id)
_AGENT = Argument("The agent's name in agents.toml.", metavar="AGENT", positional=True, completion="agents")


def story_argument(completion: str = "stories", metavar: str = "ID") -> Argument:
    return replace(_STORY, completion=completion, metavar=metavar)


def story_parameter(completion: str, metavar: str) -> Parameter:
    return described("story", Annotated[StoryId, story_argument(completion, metavar)])


def run_argument(completion: str = "runs") -> Argument:
    return replace(_RUN, completion=completion)


def agent_argument(text: str) -> Argument:
    return Argument(text, metavar="AGENT", completion="agents")


StoryArgument = Annotated[StoryId, story_argument()]
OptionalStoryArgument = Annotated[
    StoryId | None, replace(story_argument(metavar="[ID]"), help="Only for the story with this id.")
]
RunArgument = Annotated[RunId, run_argument()]
AgentArgument = Annotated[str, _AGENT]
DryRun = Annotated[bool, Argument("Show the actions and change nothing.")]
