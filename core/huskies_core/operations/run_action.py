"""The tool call of a timer or a trigger, in the process that was started for it, under the lock it inherits."""

from huskies_core.context import Context
from huskies_core.ids import ExecutionId
from huskies_core.operations import registry
from huskies_core.passes.executions import record_end
from huskies_core.passes.jobs import adopted
from huskies_core.passes.steps import StepOutcome, attempt
from huskies_core.store import executions
from huskies_core.store.actions import ToolCall, describe
from huskies_core.store.executions import ExecutionStatus
from huskies_core.supervisor.run_directory import RunDirectory


def run_action(context: Context, number: ExecutionId) -> str:
    """Make the call, with the timer or the trigger as actor, and record its end.

    After a crash the execution is interrupted and never starts again. Raise HuskiesError `not_yours`, with nothing
    done, if the execution was not handed to this process.
    """
    directory = RunDirectory(context.project.execution_dir(number))
    with adopted(context, executions.load, number, directory, f"execution {number}") as execution:
        action = execution.action
        assert isinstance(action, ToolCall)
        with attempt() as attempted, context.acting_as(execution.source):
            registry.call(context, action.tool, action.values)
        failed = attempted.outcome is not StepOutcome.DONE
        status = ExecutionStatus.FAILED if failed else ExecutionStatus.DONE
        record_end(context, execution, status, attempted.message)
    end = f"failed: {attempted.message}" if failed else "done"
    return f"{execution.source}: {describe(action)} {end}"
