using BuildRunner.Cli.Output;

namespace BuildRunner.Cli.Tests.Output;

public sealed class Choosing_a_style
{
    [Theory]
    [InlineData("auto", true, "", true)]
    [InlineData("auto", false, "", false)]
    [InlineData("auto", true, "NO_COLOR=1", false)]
    [InlineData("auto", true, "NO_COLOR=", true)]
    [InlineData("auto", false, "FORCE_COLOR=1", true)]
    [InlineData("auto", false, "FORCE_COLOR=0", false)]
    [InlineData("auto", false, "CLICOLOR_FORCE=1", true)]
    [InlineData("auto", true, "CLICOLOR=0", false)]
    [InlineData("auto", true, "TERM=dumb", false)]
    [InlineData("auto", true, "NO_COLOR=1 FORCE_COLOR=1", false)]
    [InlineData("always", false, "NO_COLOR=1", true)]
    [InlineData("never", true, "FORCE_COLOR=1", false)]
    public void Flag_environment_and_terminal_decide_about_colour(string flag, bool terminal, string environment, bool colour) =>
        Assert.Equal(colour, Style.Choose(flag, Parse(environment), terminal).Colour);

    [Theory]
    [InlineData("", true)]
    [InlineData("LANG=C.UTF-8", true)]
    [InlineData("LANG=de_DE.utf8", true)]
    [InlineData("LANG=C", false)]
    [InlineData("LANG=de_DE.ISO-8859-1", false)]
    [InlineData("LANG=C.UTF-8 LC_ALL=C", false)]
    [InlineData("LC_ALL= LANG=C.UTF-8", true)]
    public void The_locale_decides_about_signs(string environment, bool unicode) => Assert.Equal(unicode, Style.Choose("auto", Parse(environment), false).Unicode);

    private static Dictionary<string, string> Parse(string environment) =>
        environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('=')).ToDictionary(p => p[0], p => p[1]);
}
