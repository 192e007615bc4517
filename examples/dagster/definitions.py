"""The job as Dagster assets: dbt's models, the training between them, and the release.

The project's own environment does the work (``.venv/bin``: dbt and cross-sell); Dagster's has
Dagster alone.
"""

import os
import subprocess
from pathlib import Path

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / ".venv" / "bin"
# dagster-dbt looks for dbt there.
os.environ["PATH"] = os.pathsep.join([str(PROGRAMS), os.environ.get("PATH", "")])

project = DbtProject(
    project_dir=ROOT / "dbt_project",
    profiles_dir=ROOT,
    target_path=Path(os.environ.get("DBT_TARGET_PATH", "target")),
)
project.prepare_if_dev()


def run_job(context: dg.AssetExecutionContext, *arguments: str) -> None:
    """Run one command of the project; its JSON lines become Dagster's log."""
    process = subprocess.Popen(
        [str(PROGRAMS / "cross-sell"), "--log-format", "json", *arguments],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        context.log.info(line.rstrip())
    if (code := process.wait()) != 0:
        raise dg.Failure(f"cross-sell {arguments[0]} ended with exit code {code}")


# As in selectors.yml; what the jobs write belongs to the first half. By name, not by path:
# Dagster selects from the manifest, where a path would be looked for in its own folder.
AFTER_TRAINING = "fqn:cross_sell.intermediate.holdout fqn:cross_sell.marts.cross_sell"


@dbt_assets(manifest=project.manifest_path, exclude=AFTER_TRAINING)
def raw_to_learning(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    """From the raw tables to what models learn from."""
    yield from dbt.cli(["build"], context=context).stream()


class AfterOffers(DagsterDbtTranslator):
    """What people read waits for the training, which dbt knows nothing of."""

    def get_asset_spec(self, manifest, unique_id, project):
        """The model as an asset, behind the offers."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec.merge_attributes(deps=[dg.AssetKey("offers")])


@dg.asset(deps=list(raw_to_learning.keys))
def offers(context: dg.AssetExecutionContext) -> None:
    """Train, choose, calibrate, and score every client; writes the ml tables."""
    run_job(context, "train")


@dbt_assets(
    manifest=project.manifest_path,
    select=AFTER_TRAINING,
    dagster_dbt_translator=AfterOffers(),
)
def after_training(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    """What people read."""
    yield from dbt.cli(["build"], context=context).stream()


@dg.asset(deps=[*after_training.keys, offers])
def release(context: dg.AssetExecutionContext) -> None:
    """Give readers the new offers."""
    run_job(context, "publish")


whole_job = dg.define_asset_job("whole_job", selection="*", executor_def=dg.in_process_executor)

defs = dg.Definitions(
    assets=[raw_to_learning, offers, after_training, release],
    jobs=[whole_job],
    schedules=[dg.ScheduleDefinition(job=whole_job, cron_schedule="15 2 * * *")],
    resources={"dbt": DbtCliResource(project_dir=project)},
)
