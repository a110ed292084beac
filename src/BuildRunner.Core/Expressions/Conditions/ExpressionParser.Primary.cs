using System.Globalization;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Values, names, calls, and what follows them.</summary>
internal sealed partial class ExpressionParser
{
    private ExpressionNode ParsePrimary()
    {
        var token = Current;
        switch (token.Kind)
        {
            case TokenKind.Number:
                index++;
                return Count(new ExpressionNode.Constant(Number(token.Value)));
            case TokenKind.Text or TokenKind.RawText:
                index++;
                return Count(Text(token.Value));
            case TokenKind.Substitution:
                index++;
                return Count(new ExpressionNode.Substitution(Template(token.Value)));
            case TokenKind.Name:
                index++;
                return ParseName(token);
            case TokenKind.Operator when Take("("):
                var inner = ParseExpression(0);
                Expect(")");
                return inner;
            case TokenKind.Operator when Take("["):
                return Count(new ExpressionNode.List(Items("]")));
            case TokenKind.Operator when Take("{"):
                return ParseMap();
            case TokenKind.Operator when predicates > 0 && Take("#"):
                return Count(new ExpressionNode.Pointer(Current is { Kind: TokenKind.Name, Value: "acc" or "index" } ? Name().Value : ""));
            case TokenKind.Operator when predicates > 0 && Current.Is("."):
                return Count(new ExpressionNode.Pointer(""));
            default:
                throw Unexpected();
        }
    }

    private ExpressionNode ParseName(ExpressionToken name)
    {
        if (Current.Is("("))
            return ParseCall(name, []);
        return name.Value switch
        {
            "true" => Count(new ExpressionNode.Constant(ExpressionValue.True)),
            "false" => Count(new ExpressionNode.Constant(ExpressionValue.False)),
            "nil" => Count(new ExpressionNode.Constant(ExpressionValue.Nothing)),
            "steps" => ParseOutput(),
            _ => Count(new ExpressionNode.Variable(name.Value)),
        };
    }

    // steps.NAME.outputs.KEY, or with brackets and quotes where a name is no word.
    private ExpressionNode.Output ParseOutput()
    {
        var path = new List<string>();
        while (path.Count < 3 && Current is { Kind: TokenKind.Operator, Value: "." or "[" })
            path.Add(Take(".") ? Word() : Bracketed());
        if (path.Count < 3 || path[1] != "outputs")
            throw new ExpressionException("of `steps` only outputs can be used: `steps.NAME.outputs.KEY`, or `steps[\"NAME\"].outputs.KEY`");
        return Count(new ExpressionNode.Output(path[0], path[2]));
    }

    private string Word() => Current.Kind == TokenKind.Name || (Current.Kind == TokenKind.Operator && char.IsLetter(Current.Value[0]))
        ? tokens[index++].Value
        : throw new ExpressionException($"a name is expected before {Said(Current)}");

    private string Bracketed()
    {
        Expect("[");
        if (Current.Kind is not (TokenKind.Text or TokenKind.RawText))
            throw new ExpressionException($"a name in quotes is expected before {Said(Current)}");
        var name = tokens[index++].Value;
        Expect("]");
        return name;
    }

    private ExpressionNode.Call ParseCall(ExpressionToken name, List<ExpressionNode> arguments)
    {
        if (!ExpressionFunctions.TryGet(name.Value, out var function))
            throw new ExpressionException($"there is no function `{name.Value}`{DidYouMean(name.Value)}");
        Expect("(");
        while (!Current.Is(")"))
        {
            arguments.Add(function.TakesPredicate && arguments.Count == 1 ? ParsePredicate() : ParseExpression(0));
            if (!Take(","))
                break;
        }
        Expect(")");
        if (arguments.Count < function.Min || arguments.Count > function.Max)
            throw new ExpressionException($"`{name.Value}` takes {Arity(function)}, not {arguments.Count}");
        return Count(new ExpressionNode.Call(name.Value, arguments));
    }

    private ExpressionNode.Predicate ParsePredicate()
    {
        predicates++;
        var body = Current.Is("{") ? Block() : ParseExpression(0);
        predicates--;
        return Count(new ExpressionNode.Predicate(body));
    }

    private ExpressionNode ParsePostfix(ExpressionNode node)
    {
        while (true)
        {
            var optional = Take("?.");
            if (optional ? !Current.Is("[") : Take("."))
                node = Count(new ExpressionNode.Member(node, new ExpressionNode.Constant(new ExpressionValue.Text(Word())), optional || IsOptional(node)));
            else if (Take("["))
                node = ParseIndex(node, optional);
            else
                return node;
        }
    }

    private ExpressionNode ParseIndex(ExpressionNode node, bool optional)
    {
        var from = Current.Is(":") ? null : ParseExpression(0);
        if (Take(":"))
        {
            var to = Current.Is("]") ? null : ParseExpression(0);
            Expect("]");
            return Count(new ExpressionNode.Slice(node, from, to));
        }
        Expect("]");
        return Count(new ExpressionNode.Member(node, from!, optional || IsOptional(node)));
    }

    // Once a chain has `?.`, nothing comes of nothing to its end.
    private static bool IsOptional(ExpressionNode node) => node is ExpressionNode.Member { Optional: true };

    private List<ExpressionNode> Items(string end)
    {
        var items = new List<ExpressionNode>();
        while (!Current.Is(end))
        {
            items.Add(ParseExpression(0));
            if (!Take(","))
                break;
        }
        Expect(end);
        return items;
    }

    private ExpressionNode.Map ParseMap()
    {
        var entries = new List<(ExpressionNode, ExpressionNode)>();
        while (!Current.Is("}"))
        {
            ExpressionNode key;
            if (Take("("))
            {
                key = ParseExpression(0);
                Expect(")");
            }
            else if (Current.Kind is TokenKind.Name or TokenKind.Number)
            {
                key = Count(new ExpressionNode.Constant(new ExpressionValue.Text(tokens[index++].Value)));
            }
            else if (Current.Kind is TokenKind.Text or TokenKind.RawText)
            {
                key = ParsePrimary();
            }
            else
            {
                throw Unexpected();
            }
            Expect(":");
            entries.Add((key, ParseExpression(0)));
            if (!Take(","))
                break;
        }
        Expect("}");
        return Count(new ExpressionNode.Map(entries));
    }

    private static ExpressionNode Text(string text)
    {
        var template = Template(text);
        return template.IsLiteral ? new ExpressionNode.Constant(new ExpressionValue.Text(template.Expand(_ => null)!)) : new ExpressionNode.Text(template);
    }

    private static TextTemplate Template(string text) => TextTemplate.Parse(text, out var problem) ?? throw new ExpressionException(problem!);

    private static ExpressionValue Number(string written)
    {
        var text = written.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
        var radix = text.Length > 2 && text[0] == '0' ? text[1] switch
        {
            'x' => 16,
            'o' => 8,
            'b' => 2,
            _ => 10,
        }
        : 10;
        if (radix == 10)
            return text.AsSpan().ContainsAny('.', 'e') ? new ExpressionValue.Float(Float(text)) : new ExpressionValue.Integer(Whole(text, written));
        var value = 0L;
        foreach (var digit in text.AsSpan(2))
        {
            var worth = char.IsAsciiHexDigit(digit) ? Convert.ToInt32(digit.ToString(), 16) : 99;
            if (worth >= radix || value > (long.MaxValue - worth) / radix)
                throw new ExpressionException($"`{written}` is no number");
            value = (value * radix) + worth;
        }
        return new ExpressionValue.Integer(value);
    }

    private static long Whole(string text, string written) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new ExpressionException($"`{written}` is no number");

    private static string Arity(ExpressionFunction function) => function.Min == function.Max
        ? string.Create(CultureInfo.InvariantCulture, $"{function.Min} arguments")
        : function.Max == int.MaxValue ? string.Create(CultureInfo.InvariantCulture, $"at least {function.Min} arguments") : string.Create(CultureInfo.InvariantCulture, $"{function.Min} to {function.Max} arguments");
}
