"""Submits command lines to a HyperQueue server and waits for them: hq_submit.py TASKS.json [SERVER_DIR]"""
import json
import sys

from hyperqueue import Client, Job

with open(sys.argv[1]) as file:
    tasks = json.load(file)
# A worker may be lost more than once before its task is given up.
job = Job(name="netetch", max_fails=None)
for task in tasks["commands"]:
    job.program(task, cwd=tasks["folder"], env=tasks["environment"], stdout=None, stderr=None, crash_limit=20)
client = Client(sys.argv[2] if len(sys.argv) > 2 else None)
submitted = client.submit(job)
if not client.wait_for_jobs([submitted], raise_on_error=False):
    for task, failure in list(client.get_failed_tasks(submitted).items())[:3]:
        print(f"ERROR: task {task}: {failure.error}")
    sys.exit(1)
