import dataclasses
import os
import tempfile
import time
import unittest

from agent import shell
from agent.settings import Settings


class TheShellTool(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.settings = Settings(workspace=directory.name)

    def run_command(self, command, **changes):
        return shell.run(command, dataclasses.replace(self.settings, **changes))

    def test_runs_in_the_workspace(self):
        result = self.run_command("pwd; echo kept > note")
        self.assertEqual(result.output.strip(), os.path.realpath(self.settings.workspace))
        self.assertEqual(result.exit_code, 0)
        with open(f"{self.settings.workspace}/note", encoding="utf-8") as file:
            self.assertEqual(file.read(), "kept\n")

    def test_tells_exit_codes_and_signals(self):
        self.assertEqual(self.run_command("exit 7").exit_code, 7)
        self.assertEqual(self.run_command("kill -TERM $$").exit_code, 143)

    def test_collects_standard_error_too(self):
        self.assertEqual(self.run_command("echo wrong >&2").output, "wrong\n")

    def test_ends_a_command_at_its_time_limit(self):
        began = time.monotonic()
        result = self.run_command("sleep 60 & sleep 60", command_timeout=0.3)
        self.assertTrue(result.timed_out)
        self.assertLess(time.monotonic() - began, 10)

    def test_ends_a_command_that_closed_its_output(self):
        result = self.run_command("exec >&- 2>&-; sleep 60", command_timeout=0.3)
        self.assertTrue(result.timed_out)

    def test_does_not_wait_for_what_runs_in_the_background(self):
        began = time.monotonic()
        result = self.run_command("sleep 60 & echo done", command_timeout=30)
        self.assertEqual(result.output, "done\n")
        self.assertLess(time.monotonic() - began, 15)

    def test_cuts_output_at_its_limit(self):
        result = self.run_command("yes | head -c 100000; echo end", output_limit=1000)
        self.assertTrue(result.truncated)
        self.assertEqual(len(result.output), 1000)
        self.assertEqual(result.exit_code, 0)

    def test_keeps_the_api_key_from_commands(self):
        os.environ["ANTHROPIC_API_KEY"] = "a-placeholder"
        self.addCleanup(os.environ.pop, "ANTHROPIC_API_KEY")
        self.assertNotIn("a-placeholder", self.run_command("env").output)


if __name__ == "__main__":
    unittest.main()
