using System.Text;
using BuildRunner.Agent.Steps;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Testing;

namespace BuildRunner.Agent.Tests.Steps;

/// <summary>Test reports as steps leave them: those that test runners write, and those that somebody wrote to do harm.</summary>
public sealed class Test_reports : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_failed_is_told_with_the_line_that_its_trace_names_and_without_secrets()
    {
        Write("src/Cart.cs", "x");
        Write("tests/test_cart.py", "x");
        Write("out/a.xml", """
            <?xml version="1.0" encoding="utf-8"?>
            <testsuites><testsuite name="s" file="tests/test_cart.py">
              <testcase classname="Cart" name="adds" time="0.1"/>
              <testcase classname="Cart" name="taxes"><failure message="expected 119 but was 100&#10;with hunter2hunter2">   at Shop.Cart.Tax() in /woodpecker/src/shop/src/Cart.cs:line 41
               at Xunit.Run()</failure></testcase>
              <testcase classname="test_cart" name="removes" line="7"><error type="KeyError"/></testcase>
              <testcase name="later"><skipped/></testcase>
            </testsuite></testsuites>
            """);
        Write("out/b.xml", """<testsuite><testcase name="elsewhere" file="/etc/passwd" line="1"><failure>at /etc/passwd:1 and ../../etc/passwd:2</failure></testcase></testsuite>""");
        var report = Read("out/*.xml");
        Assert.Empty(report.Problems);
        Assert.Equal((5, 3, 1), (report.Tests, report.Failed, report.Skipped));
        Assert.Equal(("Cart.taxes", "src/Cart.cs", 41), (report.Cases[0].Name, report.Cases[0].File, report.Cases[0].Line));
        Assert.StartsWith("expected 119 but was 100\nwith ********\n", report.Cases[0].Message);
        Assert.Equal(("test_cart.removes", "tests/test_cart.py", 7, "KeyError"), (report.Cases[1].Name, report.Cases[1].File, report.Cases[1].Line, report.Cases[1].Message));
        Assert.Equal(("elsewhere", null), (report.Cases[2].Name, report.Cases[2].File));
    }

    [Theory]
    [InlineData("""<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>""")]
    [InlineData("""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite><testcase name="a"><failure>&x;</failure></testcase></testsuite>""")]
    [InlineData("""<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><testsuite/>""")]
    [InlineData("<testsuite><testcase name=")]
    [InlineData("not XML at all")]
    [InlineData("")]
    public void What_is_no_plain_XML_is_a_problem_that_names_the_file_and_nothing_else(string text)
    {
        Write("a.xml", text);
        var report = Read("a.xml");
        Assert.StartsWith("a.xml is no test report that can be read: ", Assert.Single(report.Problems));
        Assert.Empty(report.Cases);
    }

    [Fact]
    public void A_report_nested_without_end_and_one_that_is_too_long_are_not_read_to_their_ends()
    {
        Write("deep.xml", string.Concat(Enumerable.Repeat("<testsuite>", 100_000)));
        using (var file = File.Create(folder["long.xml"]))
        {
            file.SetLength(TestReports.MaxFile + 1);
        }

        Write("many.xml", $"<testsuite>{string.Concat(Enumerable.Range(0, 1000).Select(i => $"<testcase name='t{i}'><failure>{new string('x', 9000)}</failure></testcase>"))}</testsuite>");
        var report = Read("*.xml");
        Assert.Contains(report.Problems, p => p.StartsWith("deep.xml", StringComparison.Ordinal));
        Assert.Contains(report.Problems, p => p.StartsWith("long.xml has", StringComparison.Ordinal));
        Assert.Equal((1000, 1000, TestReport.MaxCases), (report.Tests, report.Failed, report.Cases.Count));
        Assert.All(report.Cases, c => Assert.True(c.Message.Length <= 4000));
    }

    [Fact]
    public void Links_and_pipes_are_left_alone_and_patterns_that_match_nothing_are_said()
    {
        using var outside = TestFolder.Create();
        File.WriteAllText(outside["a.xml"], """<testsuite><testcase name="outside"><failure>no</failure></testcase></testsuite>""");
        File.CreateSymbolicLink(folder["link.xml"], outside["a.xml"]);
        Directory.CreateSymbolicLink(folder["folder"], outside.Path);
        using (var make = System.Diagnostics.Process.Start("mkfifo", [folder["pipe.xml"]]))
        {
            make.WaitForExit();
        }

        var report = Read("**/*.xml");
        Assert.Equal((0, 0), (report.Tests, report.Cases.Count));
        Assert.Contains("no test report matches never/*.xml", Read("never/*.xml").Problems);
    }

    [Fact]
    public void Only_folders_that_lead_to_a_report_are_looked_at()
    {
        Write("deep/er/out/a.xml", """<testsuite><testcase name="a"/></testsuite>""");
        Write("deep/er/out/more/b.xml", """<testsuite><testcase name="b"/></testsuite>""");
        Write("deep/elsewhere/out/c.xml", "not read");
        Assert.Equal((1, 0), Counts(Read("deep/er/out/*.xml")));
        Assert.Equal((2, 0), Counts(Read("./deep/er/out/**/*.xml")));
        Assert.Equal((2, 0), Counts(Read("deep/er/out/a.xml", "deep/er/{x,out}/more/*.xml")));
        Assert.Equal((0, 1), Counts(Read("out/a.xml")));
        Assert.Equal((2, 1), Counts(Read("**/*.xml")));
    }

    private static (int Tests, int Problems) Counts(TestReport report) => (report.Tests, report.Problems.Count);

    private TestReport Read(params string[] patterns) => new TestReports(folder.Path, "/woodpecker/src/shop", new Masker(["hunter2hunter2"])).Read(patterns);

    private void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[path])!);
        File.WriteAllText(folder[path], text, new UTF8Encoding(false));
    }
}
